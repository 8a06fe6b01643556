import type { Clock } from '../../lib/clock.ts';

/** How large requests were of late: what those that follow will need, as far as anybody can tell. */
export interface Measure {
  readonly msat: bigint;
  take(maxCostMsat: bigint): void;
}

/** So long one request is the measure, unless a larger one comes. */
const SPAN_MS = 60_000;

export function createMeasure(clock: Clock): Measure {
  let msat = 0n;
  let takenAtMs = -Infinity;
  return {
    get msat() {
      return msat;
    },
    take(maxCostMsat) {
      const isOld = clock.now() - takenAtMs > SPAN_MS;
      if (!isOld && maxCostMsat < msat) return;
      msat = maxCostMsat;
      takenAtMs = clock.now();
    },
  };
}
