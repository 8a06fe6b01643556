import type { NostrEvent } from '../../nostr/event.ts';
import { dropOldest } from './oldest.ts';
import { coordinateOf } from './tags.ts';

const MAX_ADDRESSES_PER_KEY = 8;
/** Addresses that a relay was the first to tell of. */
const MAX_ADDRESSES_PER_RELAY = 20_000;
/** All relays together; each has an equal share, so that one that invents nodes leaves the others theirs. */
const MAX_ADDRESSES = 60_000;
/** An address may be replaced this often at once (relays hold different versions), and then once in each interval. */
const REPLACEMENT_BURST = 5;
const REPLACEMENT_INTERVAL_MS = 10_000;
const MAX_PACED_ADDRESSES = 10_000;

/** How many addresses a key and a relay may fill, and how often an address may change. */
export interface Quotas {
  /** Whether there is room for what `relay` tells. `isHeld`: the address is known, so this would replace its version. */
  admits(event: NostrEvent, relay: string, isHeld: boolean): boolean;
  added(pubkey: string, relay: string): void;
  removed(pubkey: string, relay: string): void;
  replaced(event: NostrEvent): void;
}

export function createQuotas(relayCount: number, now: () => number): Quotas {
  const share = Math.min(
    MAX_ADDRESSES_PER_RELAY,
    Math.floor(MAX_ADDRESSES / Math.max(1, relayCount)),
  );
  const ofKey = new Map<string, number>();
  const ofRelay = new Map<string, number>();
  /** When an address that is replaced at the interval's pace would have had all its replacements, unix ms. */
  const pacedUntil = new Map<string, number>();
  return {
    admits(event, relay, isHeld) {
      if (!isHeld) {
        const isKeyFree = (ofKey.get(event.pubkey) ?? 0) < MAX_ADDRESSES_PER_KEY;
        return isKeyFree && (ofRelay.get(relay) ?? 0) < share;
      }
      const until = pacedUntil.get(coordinateOf(event)) ?? 0;
      return until - now() <= (REPLACEMENT_BURST - 1) * REPLACEMENT_INTERVAL_MS;
    },
    added(pubkey, relay) {
      count(ofKey, pubkey, 1);
      count(ofRelay, relay, 1);
    },
    removed(pubkey, relay) {
      count(ofKey, pubkey, -1);
      count(ofRelay, relay, -1);
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
