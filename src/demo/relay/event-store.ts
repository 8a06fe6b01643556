import type { Filter, NostrEvent } from '../../nostr/event.ts';
import { matches } from '../../nostr/event.ts';

/** What became of an event that was given to the store. */
export type Placing = 'stored' | 'duplicate' | 'older' | 'deleted' | 'full';

/** Events in memory, as NIP-01, NIP-09 and NIP-40 want them kept. */
export interface EventStore {
  /** Takes the event at its word: its signature is not checked here. */
  place(event: NostrEvent): Placing;
  /** Newest first, ties by lowest id; of each filter at most its limit and MAX_LIMIT. Expired events are left out. */
  query(filters: readonly Filter[]): readonly NostrEvent[];
  /** Of all events that match, however many they are. */
  count(filters: readonly Filter[]): number;
}

export const MAX_LIMIT = 500;
const MAX_EVENTS = 100_000;
const DELETION = 5;

/** `nowS`: Unix seconds. */
export function createEventStore(nowS: () => number): EventStore {
  /** Newest first. */
  const events: NostrEvent[] = [];
  const ids = new Set<string>();
  /** Of replaceable and addressable events, the one that counts. */
  const newest = new Map<string, NostrEvent>();
  const deleted = createDeletions();

  const remove = (event: NostrEvent): void => {
    const at = events.indexOf(event);
    if (at !== -1) events.splice(at, 1);
    ids.delete(event.id);
    const address = addressOf(event);
    if (address !== undefined && newest.get(address) === event) newest.delete(address);
  };
  const insert = (event: NostrEvent): void => {
    events.splice(placeOf(event, events), 0, event);
    ids.add(event.id);
  };
  const isFresh = (event: NostrEvent): boolean => (expirationOf(event) ?? Infinity) > nowS();
  const first = (limit: number, filter: Filter): NostrEvent[] => {
    const page: NostrEvent[] = [];
    for (const event of events) {
      if (page.length >= limit) break;
      if (matches(filter, event) && isFresh(event)) page.push(event);
    }
    return page;
  };

  return {
    place(event) {
      if (ids.has(event.id)) return 'duplicate';
      if (deleted.covers(event)) return 'deleted';
      const address = addressOf(event);
      const held = address === undefined ? undefined : newest.get(address);
      if (held !== undefined && !isBefore(event, held)) return 'older';
      if (events.length >= MAX_EVENTS) return 'full';
      if (held !== undefined) remove(held);
      insert(event);
      if (address !== undefined) newest.set(address, event);
      if (event.kind === DELETION) {
        deleted.add(event);
        for (const other of events.filter((held) => deleted.covers(held))) remove(other);
      }
      return 'stored';
    },
    query(filters) {
      const found = new Set<NostrEvent>();
      for (const filter of filters) {
        const limit = Math.min(filter.limit ?? MAX_LIMIT, MAX_LIMIT);
        for (const event of first(limit, filter)) found.add(event);
      }
      return [...found].toSorted((one, other) => (isBefore(one, other) ? -1 : 1));
    },
    count: (filters) =>
      events.filter((event) => isFresh(event) && filters.some((filter) => matches(filter, event)))
        .length,
  };
}

/** Where `event` goes in a list that is in order. */
function placeOf(event: NostrEvent, events: readonly NostrEvent[]): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = events[middle];
    if (other !== undefined && isBefore(other, event)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** NIP-01's order: the newer first, of two in the same second the one with the lower id. */
function isBefore(one: NostrEvent, other: NostrEvent): boolean {
  if (one.created_at !== other.created_at) return one.created_at > other.created_at;
  return one.id < other.id;
}

/** What a later event with the same text replaces; undefined for events that stand for themselves. */
function addressOf({ kind, pubkey, tags }: NostrEvent): string | undefined {
  if (kind === 0 || kind === 3 || (kind >= 10_000 && kind < 20_000)) return `${kind}:${pubkey}:`;
  if (kind < 30_000 || kind >= 40_000) return undefined;
  const [, d = ''] = tags.find(([name]) => name === 'd') ?? [];
  return `${kind}:${pubkey}:${d}`;
}

/** Unix seconds (NIP-40). */
export function expirationOf({ tags }: NostrEvent): number | undefined {
  const [, text] = tags.find(([name]) => name === 'expiration') ?? [];
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** What authors took back (NIP-09), also before it arrived here. */
function createDeletions() {
  /** `<author> <id>`. */
  const ids = new Set<string>();
  /** `<author> <address>` -> versions up to this second. */
  const addresses = new Map<string, number>();
  return {
    add({ pubkey, created_at: createdAt, tags }: NostrEvent): void {
      for (const [name, value = ''] of tags) {
        const key = `${pubkey} ${value}`;
        if (name === 'e') ids.add(key);
        if (name === 'a') addresses.set(key, Math.max(createdAt, addresses.get(key) ?? 0));
      }
    },
    covers(event: NostrEvent): boolean {
      if (event.kind === DELETION) return false;
      if (ids.has(`${event.pubkey} ${event.id}`)) return true;
      const upTo = addresses.get(`${event.pubkey} ${addressOf(event) ?? ''}`);
      return upTo !== undefined && event.created_at <= upTo;
    },
  };
}
