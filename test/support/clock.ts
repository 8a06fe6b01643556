import type { Clock } from '../../src/lib/clock.ts';

export interface SimulatedClock extends Clock {
  advance(ms: number): void;
}

/** A clock that stands still until it is told. */
export function createSimulatedClock(startMs: number = Date.now()): SimulatedClock {
  let nowMs = startMs;
  return {
    now: () => nowMs,
    advance(ms) {
      nowMs += ms;
    },
  };
}
