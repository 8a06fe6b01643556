import type { Clock } from '../../lib/clock.ts';
import { RouterError } from '../../lib/errors.ts';

const WINDOW_MS = 60_000;
const MAX_ADDRESSES = 10_000;

export interface Strikes {
  /** Throws `rate_limited` when this address caused `limit` strikes within the last minute. */
  check(address: string): void;
  add(address: string): void;
}

/** Counts per client address what a stranger can cause at a mint, in windows of a minute. */
export function createStrikes(clock: Clock, limit: number): Strikes {
  const counts = new Map<string, { count: number; sinceMs: number }>();

  function fresh(address: string): { count: number; sinceMs: number } | undefined {
    const entry = counts.get(address);
    if (entry === undefined || clock.now() - entry.sinceMs < WINDOW_MS) return entry;
    counts.delete(address);
    return undefined;
  }

  return {
    check(address) {
      const entry = fresh(address);
      if (entry === undefined || entry.count < limit) return;
      const restMs = entry.sinceMs + WINDOW_MS - clock.now();
      throw new RouterError(
        'rate_limited',
        'Too many calls to the mint were made for this address; try again in a minute.',
        { retryAfterS: Math.max(1, Math.ceil(restMs / 1000)) },
      );
    },
    add(address) {
      const entry = fresh(address);
      if (entry !== undefined) {
        entry.count += 1;
        return;
      }
      const oldest = counts.keys().next();
      if (counts.size >= MAX_ADDRESSES && oldest.done !== true) counts.delete(oldest.value);
      counts.set(address, { count: 1, sinceMs: clock.now() });
    },
  };
}
