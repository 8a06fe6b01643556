import type { NostrEvent } from '../../nostr/event.ts';
import { dropOldest } from '../oldest.ts';
import { tagValues } from './tags.ts';

/** Deletions of what we never held: their memory is short, so that a flood of them forgets none that mattered. */
const MAX_UNHELD = 5_000;
const MAX_HELD = 50_000;

/** Which versions of an address its key has deleted (NIP-09): relays serve them again, and anyone may publish them again. */
export interface Deletions {
  /** Whether a version of that second is deleted; a later one is not. */
  covers(coordinate: string, createdAt: number): boolean;
  /** `isHeld`: we know the address. Returns the coordinate that was forgotten for it, if any. */
  remember(coordinate: string, upTo: number, isHeld: boolean): string | undefined;
}

export function createDeletions(): Deletions {
  const held = new Map<string, number>();
  const unheld = new Map<string, number>();
  const upTo = (coordinate: string): number =>
    Math.max(held.get(coordinate) ?? -1, unheld.get(coordinate) ?? -1);
  return {
    covers: (coordinate, createdAt) => createdAt <= upTo(coordinate),
    remember(coordinate, at, isHeld) {
      const latest = Math.max(at, upTo(coordinate));
      if (!isHeld && !held.has(coordinate)) {
        unheld.set(coordinate, latest);
        return dropOldest(unheld, MAX_UNHELD);
      }
      unheld.delete(coordinate);
      held.set(coordinate, latest);
      return dropOldest(held, MAX_HELD);
    },
  };
}

const MAX_COORDINATES = 32;
const MAX_COORDINATE_CHARS = 256;

/** The coordinates that a kind 5 deletes: only its own key's count. */
export function deletedCoordinates(event: NostrEvent): readonly string[] {
  return tagValues(event, 'a')
    .slice(0, MAX_COORDINATES)
    .filter((coordinate) => {
      if (coordinate.length > MAX_COORDINATE_CHARS) return false;
      const [, pubkey, ...d] = coordinate.split(':');
      return pubkey === event.pubkey && d.length > 0;
    });
}
