import { randomUUID } from 'node:crypto';

import { decrypt, encrypt, getConversationKey } from 'nostr-tools/nip44';

import { systemClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { BunkerAddress } from './bunker-address.ts';
import type { NostrEvent } from './event.ts';
import { createRelayLink } from './relay-link.ts';
import type { RelayLink } from './relay-link.ts';
import { createBunkerClientSigner, REMOTE_SIGNING } from './signer.ts';
import type { Verifier } from './verifier.ts';

/** Encrypted questions to a remote signer, and its answers (NIP-46). */
export interface BunkerSession {
  /** Rejects with the signer's reason, when it does not answer in time, and after `close`. */
  ask(method: string, params: readonly string[]): Promise<string>;
  close(): Promise<void>;
}

export interface BunkerSessionParts {
  readonly address: BunkerAddress;
  /** Of this node as a client of the signer; not the key that it signs with. */
  readonly clientKey: Uint8Array;
  readonly verifier: Verifier;
  readonly log: Log;
  /** A person may have to agree. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 60_000;
const MAX_WAITING = 32;
/** Clocks differ. */
const SINCE_S = 60;

interface Waiting {
  readonly resolve: (result: string) => void;
  readonly reject: (error: Error) => void;
}

export function createBunkerSession(parts: BunkerSessionParts): BunkerSession {
  const { address, clientKey, verifier, log, timeoutMs = TIMEOUT_MS } = parts;
  const client = createBunkerClientSigner(clientKey);
  const secret = getConversationKey(clientKey, address.pubkey);
  const waiting = new Map<string, Waiting>();
  const clock = systemClock;
  const links: readonly RelayLink[] = address.relays.map((url) =>
    createRelayLink(url, { verifier, signer: client, log, clock }),
  );
  const nowS = (): number => Math.floor(clock.now() / 1000);

  const onEvent = ({ content }: NostrEvent): void => {
    const answer = readAnswer(content, secret);
    const asked = waiting.get(answer?.id ?? '');
    if (answer === undefined || asked === undefined) return;
    if (answer.result === 'auth_url') {
      log.warn({ url: answer.error }, 'the remote signer wants you to agree at this address');
    } else if (answer.error === '') asked.resolve(answer.result);
    else asked.reject(new Error(`the remote signer refuses: ${answer.error}`));
  };
  const filter = { kinds: [REMOTE_SIGNING], authors: [address.pubkey], '#p': [client.pubkey] };
  for (const link of links) {
    link.subscribe([{ ...filter, since: nowS() - SINCE_S }], { wanted: () => true, onEvent });
  }
  const send = async (id: string, method: string, params: readonly string[]): Promise<void> => {
    const event = await client.sign({
      kind: REMOTE_SIGNING,
      created_at: nowS(),
      tags: [['p', address.pubkey]],
      content: encrypt(JSON.stringify({ id, method, params }), secret),
    });
    const results = await Promise.all(links.map((link) => link.publish(event)));
    // Some relays confirm no ephemeral event: only a plain refusal of all tells something.
    const refusals = results.filter(({ ok, message }) => !ok && message !== 'error: no answer');
    if (refusals.length === results.length) {
      throw new Error(`no relay of the remote signer takes our question: ${refusals[0]?.message}`);
    }
  };
  return {
    async ask(method, params) {
      if (waiting.size >= MAX_WAITING) throw new Error('too many questions to the remote signer');
      const id = randomUUID();
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      waiting.set(id, { resolve, reject });
      const late = (): void => reject(new Error('the remote signer does not answer'));
      const timer = setTimeout(late, timeoutMs);
      send(id, method, params).catch(reject);
      try {
        return await promise;
      } finally {
        clearTimeout(timer);
        waiting.delete(id);
      }
    },
    async close() {
      for (const { reject } of waiting.values()) reject(new Error('the signing key is closed'));
      await Promise.all(links.map((link) => link.close()));
      await client.close();
    },
  };
}

interface Answer {
  readonly id: string;
  readonly result: string;
  readonly error: string;
}

const MAX_REASON_CHARS = 300;

/** Undefined for what is no answer to us. */
function readAnswer(content: string, secret: Uint8Array): Answer | undefined {
  const answer = decrypted(content, secret);
  if (typeof answer !== 'object' || answer === null) return undefined;
  const fields: Partial<Record<string, unknown>> = { ...answer };
  const text = (name: string): string => {
    const value = fields[name];
    return typeof value === 'string' ? value : '';
  };
  const error = text('error')
    .slice(0, MAX_REASON_CHARS)
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, ' ');
  return { id: text('id'), result: text('result'), error };
}

function decrypted(content: string, secret: Uint8Array): unknown {
  try {
    return JSON.parse(decrypt(content, secret));
  } catch {
    // Not for us, or not in this encryption.
    return undefined;
  }
}
