import type { NostrEvent } from '../../nostr/event.ts';
import type { RelayLink } from '../../nostr/relay-link.ts';

/** An address of replaceable events (NIP-01): `d` is undefined where the kind alone is the address. */
export interface Coordinate {
  readonly kind: number;
  readonly pubkey: string;
  readonly d: string | undefined;
}

export interface Found {
  readonly newest: NostrEvent | undefined;
  /** The relay said that there is no more; else the absence of an event says nothing. */
  readonly isComplete: boolean;
}

/** The newest event that a relay shows under an address, ties to the lowest id. What it sends beside it does not count. */
export async function newestAt(link: RelayLink, coordinate: Coordinate): Promise<Found> {
  const { kind, pubkey, d } = coordinate;
  const filter = { kinds: [kind], authors: [pubkey], limit: 2 };
  let newest: NostrEvent | undefined;
  const end = await link.query([d === undefined ? filter : { ...filter, '#d': [d] }], {
    wanted: (event) =>
      event.kind === kind && event.pubkey === pubkey && (d === undefined || dOf(event) === d),
    onEvent(event) {
      if (newest === undefined || isNewer(event, newest)) newest = event;
    },
  });
  return { newest, isComplete: end.how === 'eose' };
}

/** The `d` tag; a missing one is empty. */
export function dOf({ tags }: NostrEvent): string {
  return tags.find(([name]) => name === 'd')?.[1] ?? '';
}

/** Whether `one` takes the place of `other` (NIP-01). */
export function isNewer(one: NostrEvent, other: NostrEvent): boolean {
  if (one.created_at !== other.created_at) return one.created_at > other.created_at;
  return one.id < other.id;
}
