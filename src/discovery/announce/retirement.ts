import type { EventTemplate } from '../../nostr/event.ts';
import { ANNOUNCEMENT_KIND } from './announcement-template.ts';

/** Long enough for slow relays to take it, short enough for readers to forget it. */
const LIFETIME_S = 60;
const DELETION_KIND = 5;

/**
 * What takes the announcement's place before it is deleted: without an address, and soon expired. Relays that know no
 * deletions lose it by that.
 */
export function replacementOf(d: string, createdAt: number, nowS: number): EventTemplate {
  return {
    kind: ANNOUNCEMENT_KIND,
    created_at: createdAt,
    tags: [
      ['d', d],
      ['expiration', String(Math.max(createdAt, nowS) + LIFETIME_S)],
      ['alt', 'LLM inference provider, retired'],
    ],
    content: '',
  };
}

export interface Deleted {
  readonly pubkey: string;
  readonly d: string;
  /** Of all versions that a relay may still hold: some relays pass over the address. */
  readonly ids: readonly string[];
}

/** Deletes all versions up to `createdAt`, which must not be below the replacement's: relays ignore an earlier one. */
export function deletionOf({ pubkey, d, ids }: Deleted, createdAt: number): EventTemplate {
  return {
    kind: DELETION_KIND,
    created_at: createdAt,
    tags: [
      ['a', `${ANNOUNCEMENT_KIND}:${pubkey}:${d}`],
      ['k', String(ANNOUNCEMENT_KIND)],
      ...ids.map((id) => ['e', id]),
    ],
    content: '',
  };
}
