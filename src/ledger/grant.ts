import { maxMsat, minMsat, msat } from '../lib/amount.ts';
import type { Msat } from '../lib/amount.ts';

/** What a request asks to hold; a Quote has these. */
export interface Ask {
  readonly wanted: Msat;
  readonly modest: Msat;
  readonly floor: Msat;
}

/** What an account has at this moment, seen from one of its requests. */
export interface Means {
  /** Balance less what is held. */
  readonly free: Msat;
  /** Other requests that hold something. */
  readonly running: bigint;
  /** Other requests that wait for money. */
  readonly waiting: bigint;
}

/**
 * The token is the limit: how much of `free` one request may hold, or undefined when that is below its floor.
 * A request alone on its account takes at most half of what is free (but 1,024 output tokens' worth in any case), so that a
 * sibling arriving meanwhile still finds money; with siblings waiting it takes its share.
 */
export function grant(ask: Ask, means: Means): Msat | undefined {
  const alone = means.running === 0n && means.waiting === 0n;
  const share = msat(means.free / (alone ? 2n : 1n + means.waiting));
  const held = minMsat(ask.wanted, minMsat(means.free, maxMsat(ask.modest, share)));
  return held < ask.floor ? undefined : held;
}
