import type { Clock } from '../lib/clock.ts';
import { hostOf } from './hosts.ts';
import { dropOldest } from './oldest.ts';

/**
 * How often strangers can have us knock at a host that they name: whoever lives there may never have asked for it. A node that is away
 * is asked some eight times in its first day.
 */
export interface Knocks {
  /** Whether a URL where no node has named its key may be asked now; then it counts, until a day is over. */
  knock(url: string): boolean;
  /** A node named its key there: that knock was no nuisance, and counts no more. */
  welcome(url: string): void;
}

/** Of a host on its own, and again of all its ports and paths: they cannot use up what is for the host that has but one node. */
const MAX_A_DAY = 32;
const DAY_MS = 24 * 3_600_000;
const MAX_HOSTS = 20_000;

export function createKnocks(clock: Clock): Knocks {
  const days = new Map<string, { sinceMs: number; count: number }>();
  return {
    knock(url) {
      const key = keyOf(url);
      const known = days.get(key);
      const isOver = known === undefined || clock.now() - known.sinceMs >= DAY_MS;
      const day = isOver ? { sinceMs: clock.now(), count: 0 } : known;
      if (day.count >= MAX_A_DAY) return false;
      day.count += 1;
      days.delete(key);
      days.set(key, day);
      dropOldest(days, MAX_HOSTS);
      return true;
    },
    welcome(url) {
      const day = days.get(keyOf(url));
      if (day !== undefined && day.count > 0) day.count -= 1;
    },
  };
}

function keyOf(url: string): string {
  const host = hostOf(url);
  return url.endsWith(`//${host}`) ? host : `${host}/`;
}
