import type { EventTemplate, NostrEvent } from '../../src/nostr/event.ts';
import { createKeySigner } from '../../src/nostr/signer.ts';
import type { Signer } from '../../src/nostr/signer.ts';

export const ANNOUNCEMENT = 38_421;

/** A signer whose key is the same in every run. `number`: 1 to 255. */
export function signerNumber(number: number): Signer {
  const key = new Uint8Array(32);
  key[31] = number;
  return createKeySigner(key);
}

/** Announced now by key 1, unless told otherwise. */
export function announcement(
  parts: Partial<EventTemplate> = {},
  signer: Signer = signerNumber(1),
): Promise<NostrEvent> {
  const nowS = Math.floor(Date.now() / 1000);
  const tags = [
    ['d', 'node'],
    ['u', 'https://node.example'],
  ];
  return signer.sign({ kind: ANNOUNCEMENT, created_at: nowS, tags, content: '{}', ...parts });
}

/** As it comes out of JSON.parse: without what a library may have noted on the object. */
export function fresh<T>(event: T): T {
  return JSON.parse(JSON.stringify(event)) as T;
}
