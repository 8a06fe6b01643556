import type { NostrEvent } from '../../nostr/event.ts';
import { dropOldest } from '../oldest.ts';
import { coordinateOf } from './tags.ts';

const MAX_ADDRESSES_PER_KEY = 8;
/** All sources together; each has an equal share, so that one that invents nodes leaves the others theirs. */
const MAX_ADDRESSES = 20_000;
const CROWDED = 0.75;
/** An address may be replaced this often at once (relays hold different versions), and then once in each interval. */
const REPLACEMENT_BURST = 5;
const REPLACEMENT_INTERVAL_MS = 10_000;
const MAX_PACED_ADDRESSES = 10_000;

/** How many addresses a key and a source may fill, and how often an address may change. A source: who told of it first. */
export interface Quotas {
  /** Whether there is room for what `source` tells. `isHeld`: the address is known, so this would replace its version. */
  admits(event: NostrEvent, source: string, isHeld: boolean): boolean;
  /** Whether a source has filled most of its share. */
  isCrowded(): boolean;
  added(pubkey: string, source: string): void;
  removed(pubkey: string, source: string): void;
  replaced(event: NostrEvent): void;
}

export function createQuotas(sources: number, now: () => number): Quotas {
  const share = Math.floor(MAX_ADDRESSES / Math.max(1, sources));
  const ofKey = new Map<string, number>();
  const ofSource = new Map<string, number>();
  /** When an address that is replaced at the interval's pace would have had all its replacements, unix ms. */
  const pacedUntil = new Map<string, number>();
  return {
    admits(event, source, isHeld) {
      if (!isHeld) {
        const isKeyFree = (ofKey.get(event.pubkey) ?? 0) < MAX_ADDRESSES_PER_KEY;
        return isKeyFree && (ofSource.get(source) ?? 0) < share;
      }
      const until = pacedUntil.get(coordinateOf(event)) ?? 0;
      return until - now() <= (REPLACEMENT_BURST - 1) * REPLACEMENT_INTERVAL_MS;
    },
    isCrowded: () => [...ofSource.values()].some((filled) => filled >= CROWDED * share),
    added(pubkey, source) {
      count(ofKey, pubkey, 1);
      count(ofSource, source, 1);
    },
    removed(pubkey, source) {
      count(ofKey, pubkey, -1);
      count(ofSource, source, -1);
    },
    replaced(event) {
      const coordinate = coordinateOf(event);
      const from = Math.max(now(), pacedUntil.get(coordinate) ?? 0);
      // As the last: the one that was replaced longest ago is forgotten first.
      pacedUntil.delete(coordinate);
      pacedUntil.set(coordinate, from + REPLACEMENT_INTERVAL_MS);
      dropOldest(pacedUntil, MAX_PACED_ADDRESSES);
    },
  };
}

function count(counts: Map<string, number>, key: string, change: number): void {
  const next = (counts.get(key) ?? 0) + change;
  if (next > 0) counts.set(key, next);
  else counts.delete(key);
}
