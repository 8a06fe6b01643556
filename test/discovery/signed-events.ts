import { finalizeEvent } from 'nostr-tools/pure';

import type { EventTemplate, NostrEvent } from '../../src/nostr/event.ts';
import { createKeySigner } from '../../src/nostr/signer.ts';

function secretKey(number: number): Uint8Array {
  const key = new Uint8Array(32).fill(7);
  new DataView(key.buffer).setUint32(28, number);
  return key;
}

/** The public key of a test's number. */
export function pubkeyNumber(number: number): string {
  return createKeySigner(secretKey(number)).pubkey;
}

/** Signed now, of any kind. */
export function signed(number: number, parts: Partial<EventTemplate>): NostrEvent {
  const template = {
    kind: 38_421,
    created_at: Math.floor(Date.now() / 1000) - 60,
    content: '{"name":"Node","about":"About it"}',
    ...parts,
    tags: (parts.tags ?? []).map((tag) => [...tag]),
  };
  return JSON.parse(JSON.stringify(finalizeEvent(template, secretKey(number)))) as NostrEvent;
}

export function announcementBy(
  number: number,
  url: string,
  parts: Partial<EventTemplate> = {},
): NostrEvent {
  return signed(number, {
    tags: [
      ['d', 'main'],
      ['u', url],
      ['mint', 'https://mint.example.com'],
    ],
    ...parts,
  });
}
