import { finalizeEvent, generateSecretKey, getPublicKey } from 'nostr-tools/pure';

import type { EventTemplate, NostrEvent } from './event.ts';

/** A key that signs what a node has to say, and nothing else. */
export interface Signer {
  /** 64 hex digits. */
  readonly pubkey: string;
  /**
   * Leaves the template as it is. Rejects for a kind that a node does not publish, so that a fault elsewhere cannot speak in the
   * node's name; and after `close`.
   */
  sign(template: EventTemplate): Promise<NostrEvent>;
  /** Forgets the key. Idempotent. */
  close(): Promise<void>;
}

/** Deletion, relay list, relay authentication, HTTP authentication, announcement, review. */
export const NODE_KINDS: readonly number[] = [5, 10_002, 22_242, 27_235, 38_421, 38_425];
const RELAY_AUTHENTICATION = 22_242;

/** Signs the kinds of a node. `secretKey`: 32 bytes, copied. Throws when they are no secret key. */
export function createKeySigner(secretKey: Uint8Array): Signer {
  return signerFor(secretKey, NODE_KINDS);
}

/** A key that lives as long as its owner: for relays that want to see one from readers (NIP-42). Signs nothing else. */
export function createThrowawaySigner(): Signer {
  return signerFor(generateSecretKey(), [RELAY_AUTHENTICATION]);
}

/** What questions to a remote signer travel in (NIP-46). */
export const REMOTE_SIGNING = 24_133;

/** The key of a client of a remote signer. `secretKey`: 32 bytes, copied. */
export function createBunkerClientSigner(secretKey: Uint8Array): Signer {
  return signerFor(secretKey, [REMOTE_SIGNING, RELAY_AUTHENTICATION]);
}

/** Throws when `kinds` has not the template's kind. */
export function refuseForeignKinds(kinds: readonly number[], { kind }: EventTemplate): void {
  if (!kinds.includes(kind)) throw new Error(`this key does not sign events of kind ${kind}`);
}

function signerFor(secretKey: Uint8Array, kinds: readonly number[]): Signer {
  const key = Uint8Array.from(secretKey);
  const pubkey = publicKeyOf(key);
  let isClosed = false;
  return {
    pubkey,
    async sign(template) {
      if (isClosed) throw new Error('the signing key is closed');
      refuseForeignKinds(kinds, template);
      return finalize(template, key);
    },
    async close() {
      isClosed = true;
      key.fill(0);
    },
  };
}

/** The cause would show the key. */
function publicKeyOf(key: Uint8Array): string {
  try {
    return getPublicKey(key);
  } catch {
    throw new Error('the node key is no secret key');
  }
}

/** nostr-tools writes into what it is given, and marks it as verified. */
function finalize(template: EventTemplate, key: Uint8Array): NostrEvent {
  const { kind, created_at: createdAt, content } = template;
  const tags = template.tags.map((tag) => [...tag]);
  const { id, pubkey, sig } = finalizeEvent({ kind, created_at: createdAt, tags, content }, key);
  return { id, pubkey, created_at: createdAt, kind, tags, content, sig };
}
