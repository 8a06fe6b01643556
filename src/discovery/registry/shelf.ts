import type { Announcement } from '../announcement.ts';

export interface Held {
  readonly announcement: Announcement;
  /** The relay that told of this address first, or `anchors` where one of them spoke of its key. */
  readonly source: string;
  readonly seenAtMs: number;
}

/** The newest version of each announced address, in the order in which the addresses were first seen. */
export interface Shelf {
  at(coordinate: string): Held | undefined;
  /** The address that holds the event of this id. */
  coordinateOf(id: string): string | undefined;
  put(coordinate: string, held: Held): void;
  remove(coordinate: string): void;
  /** Those that are not expired; the same array until that changes. */
  current(): readonly Announcement[];
  /** Those that had expired at `atS`, by their coordinates. */
  expired(atS: number): readonly (readonly [string, Announcement])[];
  /** Whether one has expired since `current` was asked. */
  hasExpired(): boolean;
}

/** `nowS`: unix seconds. */
export function createShelf(nowS: () => number): Shelf {
  const all = new Map<string, Held>();
  const byId = new Map<string, string>();
  let current: readonly Announcement[] | undefined;
  let nextExpiry = Infinity;
  const forgetId = (coordinate: string): void => {
    const held = all.get(coordinate);
    if (held !== undefined) byId.delete(held.announcement.id);
  };
  const hasExpired = (): boolean => nowS() >= nextExpiry;
  return {
    at: (coordinate) => all.get(coordinate),
    coordinateOf: (id) => byId.get(id),
    put(coordinate, held) {
      forgetId(coordinate);
      all.set(coordinate, held);
      byId.set(held.announcement.id, coordinate);
      current = undefined;
    },
    remove(coordinate) {
      forgetId(coordinate);
      if (all.delete(coordinate)) current = undefined;
    },
    current() {
      if (current !== undefined && !hasExpired()) return current;
      const now = nowS();
      const living: Announcement[] = [];
      nextExpiry = Infinity;
      // An expired version stays on the shelf for now: older ones must not take its place.
      for (const { announcement } of all.values()) {
        const { expiresAt = Infinity } = announcement;
        if (expiresAt <= now) continue;
        nextExpiry = Math.min(nextExpiry, expiresAt);
        living.push(announcement);
      }
      current = living;
      return living;
    },
    expired: (atS) =>
      [...all].flatMap(([coordinate, { announcement }]) =>
        (announcement.expiresAt ?? Infinity) <= atS ? [[coordinate, announcement] as const] : [],
      ),
    hasExpired,
  };
}
