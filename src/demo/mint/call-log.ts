import type { Clock } from '../../lib/clock.ts';

/** One HTTP call that reached the mint. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly atMs: number;
}

/** The last calls, at most 100,000, and how many there ever were. */
export interface CallLog {
  add(method: string, path: string): void;
  /** Oldest first. */
  list(): readonly Call[];
  /** All calls, or those whose path starts with `path`, among the calls listed. */
  count(path?: string): number;
  clear(): void;
}

const MAX_CALLS = 100_000;

export function createCallLog(clock: Clock): CallLog {
  let calls: Call[] = [];
  return {
    add(method, path) {
      if (calls.length >= MAX_CALLS) calls = calls.slice(MAX_CALLS / 2);
      calls.push({ method, path, atMs: clock.now() });
    },
    list: () => calls,
    count: (path = '') => calls.filter((call) => call.path.startsWith(path)).length,
    clear() {
      calls = [];
    },
  };
}
