import { finalizeEvent, generateSecretKey, getPublicKey } from 'nostr-tools/pure';

import type { EventTemplate, NostrEvent } from './event.ts';

/** Signs events with one key, and only of the kinds that this program has a use for. */
export interface Signer {
  /** 64 hex digits. */
  readonly pubkey: string;
  /** Rejects for a kind that it does not sign: a fault elsewhere must not speak in the operator's name. */
  sign(template: EventTemplate): Promise<NostrEvent>;
  close(): Promise<void>;
}

/** NIP-42 AUTH. */
export const AUTH_KIND = 22_242;
/** Announcement, deletion, relay list, AUTH, HTTP auth, review. */
export const SIGNED_KINDS: ReadonlySet<number> = new Set([
  38_421,
  5,
  10_002,
  AUTH_KIND,
  27_235,
  38_425,
]);

/** Signs with this key. */
export function createKeySigner(secretKey: Uint8Array): Signer {
  return signerOf(secretKey, SIGNED_KINDS);
}

/** A key for this process alone, which answers to relays that want to know somebody before they talk. */
export function createThrowawaySigner(): Signer {
  return signerOf(generateSecretKey(), new Set([AUTH_KIND]));
}

function signerOf(secretKey: Uint8Array, kinds: ReadonlySet<number>): Signer {
  return {
    pubkey: getPublicKey(secretKey),
    async sign(template) {
      refuseOtherKinds(template, kinds);
      const { kind, created_at, content } = template;
      // finalizeEvent writes into what it is given.
      const tags = template.tags.map((tag) => [...tag]);
      const event = finalizeEvent({ kind, created_at, tags, content }, secretKey);
      return {
        id: event.id,
        pubkey: event.pubkey,
        created_at,
        kind,
        tags,
        content,
        sig: event.sig,
      };
    },
    close: async () => undefined,
  };
}

/** Throws for a kind that is not one of `kinds`. */
export function refuseOtherKinds(template: EventTemplate, kinds: ReadonlySet<number>): void {
  if (!kinds.has(template.kind)) throw new Error(`events of kind ${template.kind} are not signed`);
}
