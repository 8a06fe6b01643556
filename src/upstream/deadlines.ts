import { createRoster } from '../lib/roster.ts';

/** One timer for many deadlines: setting one anew for every chunk costs next to nothing. */
export interface Deadlines {
  /** A deadline that is not set yet. `onLate` runs at most once for each time that it is set. */
  create(onLate: () => void): Deadline;
}

export interface Deadline {
  /** Due in `ms`, and up to 50 ms later; replaces what was set before. */
  set(ms: number): void;
  clear(): void;
}

const TICK_MS = 50;

interface Entry {
  atMs: number;
  readonly onLate: () => void;
  /** Undefined while it is not set. */
  leave: (() => void) | undefined;
}

export function createDeadlines(): Deadlines {
  const waiting = createRoster<Entry>();
  let timer: NodeJS.Timeout | undefined;

  const remove = (entry: Entry): void => {
    entry.leave?.();
    entry.leave = undefined;
  };
  const tick = (): void => {
    const now = performance.now();
    for (const entry of waiting.all()) {
      if (entry.atMs > now) continue;
      remove(entry);
      entry.onLate();
    }
    if (waiting.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };

  return {
    create(onLate) {
      const entry: Entry = { atMs: 0, onLate, leave: undefined };
      return {
        set(ms) {
          entry.atMs = performance.now() + ms;
          entry.leave ??= waiting.add(entry);
          // It does not keep the process alive: the connection that it watches does.
          timer ??= setInterval(tick, TICK_MS).unref();
        },
        clear() {
          remove(entry);
        },
      };
    },
  };
}
