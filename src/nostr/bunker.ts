import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { nsecEncode } from 'nostr-tools/nip19';
import { generateSecretKey } from 'nostr-tools/pure';

import type { Log } from '../lib/log.ts';
import { parseBunkerAddress } from './bunker-address.ts';
import { createBunkerSession } from './bunker-session.ts';
import type { BunkerSession } from './bunker-session.ts';
import type { EventTemplate, NostrEvent } from './event.ts';
import { parseEvent } from './event.ts';
import { readKeyFile } from './key-file.ts';
import { npubOf, pubkeyOf } from './npub.ts';
import { secretKeyOf } from './secret-key.ts';
import { NODE_KINDS, refuseForeignKinds } from './signer.ts';
import type { Signer } from './signer.ts';
import { createVerifier } from './verifier.ts';
import type { Verifier } from './verifier.ts';

export interface BunkerOptions {
  /** Keeps our key as a client of the signer, and whom it signs for, so that it is asked for that only once. */
  readonly home: string;
  /** `bunker://...` */
  readonly address: string;
  readonly log: Log;
  readonly timeoutMs?: number;
}

/**
 * A key that stays at a remote signer (NIP-46). The first time it must answer, later it is needed for signing only. What it signs is
 * checked: it signs what it was asked to, or `sign` rejects.
 */
export async function openBunker(options: BunkerOptions): Promise<Signer> {
  const { home, log, timeoutMs } = options;
  const address = parseBunkerAddress(options.address);
  const path = join(home, `bunker-${address.pubkey.slice(0, 16)}`);
  const client = await readKeyFile(`${path}.key`, () => nsecEncode(generateSecretKey()));
  const clientKey = secretKeyOf(client.text, undefined);
  const verifier = await createVerifier();
  const parts = { address, clientKey, verifier, log };
  const session = createBunkerSession(timeoutMs === undefined ? parts : { ...parts, timeoutMs });
  try {
    const introduce = async (): Promise<string> => {
      const permissions = NODE_KINDS.map((kind) => `sign_event:${kind}`).join(',');
      await session.ask('connect', [address.pubkey, address.secret ?? '', permissions]);
      return npubOf(knownKey(await session.ask('get_public_key', [])));
    };
    const { text } = await readKeyFile(`${path}.npub`, introduce);
    return bunkerSigner(knownKey(text), session, verifier);
  } catch (error) {
    await session.close();
    throw error;
  }
}

function knownKey(text: string): string {
  const pubkey = pubkeyOf(text);
  if (pubkey === undefined) throw new Error('the remote signer names no key');
  return pubkey;
}

function bunkerSigner(pubkey: string, session: BunkerSession, verifier: Verifier): Signer {
  return {
    pubkey,
    async sign(template) {
      refuseForeignKinds(NODE_KINDS, template);
      const { kind, created_at: createdAt, tags, content } = template;
      const wanted = { kind, created_at: createdAt, tags, content };
      const signed = parseSigned(await session.ask('sign_event', [JSON.stringify(wanted)]));
      if (signed === undefined || signed.pubkey !== pubkey || !isSame(signed, wanted)) {
        throw new Error('the remote signer signed something else');
      }
      if (!(await verifier.verify(signed))) throw new Error('the remote signer signed wrongly');
      return signed;
    },
    close: () => session.close(),
  };
}

function parseSigned(text: string): NostrEvent | undefined {
  try {
    return parseEvent(JSON.parse(text));
  } catch {
    // No JSON: no event.
    return undefined;
  }
}

function isSame(signed: EventTemplate, wanted: EventTemplate): boolean {
  const { kind, created_at: createdAt, tags, content } = signed;
  return isDeepStrictEqual({ kind, created_at: createdAt, tags, content }, wanted);
}
