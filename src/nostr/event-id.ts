import { createHash } from 'node:crypto';

import type { EventTemplate } from './event.ts';

/** The id of an event by `pubkey`: SHA-256 of its canonical form (NIP-01), as hex. */
export function eventId(pubkey: string, event: EventTemplate): string {
  const { created_at: createdAt, kind, tags, content } = event;
  const canonical = JSON.stringify([0, pubkey, createdAt, kind, tags, content]);
  return createHash('sha256').update(canonical).digest('hex');
}
