import type { Msat } from '../lib/amount.ts';
import type { PriceSnapshot } from './snapshot.ts';

/** What a request may cost, priced with the dearest candidate that may be tried. Immutable. */
export interface Quote {
  readonly snapshot: PriceSnapshot;
  /** Upper bound for all the request asks for. */
  readonly wanted: Msat;
  /** The input and 1,024 output tokens of each choice (or all it asks for, if that is less). */
  readonly modest: Msat;
  /** The least we serve for: the input and a few output tokens of each choice (or all it asks for, if that is less). */
  readonly floor: Msat;
  /** Output tokens, over all choices, that `held` affords; undefined when `held >= wanted`. Never negative. */
  outputTokensWithin(held: Msat): number | undefined;
  /** The same quote with the free byte bound of the prompt replaced by an exact count, made in a worker. Idempotent. */
  refine(): Promise<Quote>;
}
