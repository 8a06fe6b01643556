import type { Standing } from '../standing.ts';

/** What all nodes of level `unknown` share, in sat. */
export interface UnknownPool {
  readonly totalSat: number;
  /** At risk with the other nodes of level `unknown` now, rounded up. */
  readonly othersSat: number;
}

/**
 * The most that may be at risk with a node now, in sat: its cap, and for an unknown one no more than its like leave of their
 * pool, so that thousands of keys take no more than one.
 */
export function exposureCapSat(standing: Standing, pool: UnknownPool): number {
  if (standing.level !== 'unknown') return standing.capSat;
  return Math.max(0, Math.min(standing.capSat, pool.totalSat - pool.othersSat));
}
