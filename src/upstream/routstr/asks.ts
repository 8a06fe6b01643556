import { maxMsat, msat, ZERO_MSAT } from '../../lib/amount.ts';
import type { Msat } from '../../lib/amount.ts';
import { ceilDivide } from '../../lib/decimal.ts';

/**
 * What a node wants to see on an account before it serves a request: Routstr core may ask for more than it can cost, for a small
 * request mostly less than for a large one.
 */
export interface Asks {
  /** As far as it told; never less than `maxCost`. */
  of(model: string, maxCost: Msat): Msat;
  /** So much it wanted for a request that costs `maxCost` at most. */
  learn(model: string, maxCost: Msat, neededMsat: bigint): void;
}

interface Ask {
  readonly maxCost: Msat;
  readonly needed: Msat;
}

const MAX_MODELS = 1000;

export function createAsks(): Asks {
  const asks = new Map<string, Ask>();
  return {
    of(model, maxCost) {
      const ask = asks.get(model);
      return ask === undefined ? maxCost : maxMsat(maxCost, askFor(maxCost, ask));
    },
    learn(model, maxCost, neededMsat) {
      asks.delete(model);
      asks.set(model, { maxCost, needed: msat(neededMsat) });
      for (const oldest of asks.keys()) {
        if (asks.size <= MAX_MODELS) break;
        asks.delete(oldest);
      }
    },
  };
}

/** A large request must not make the small ones after it too dear: of a smaller one the same part, until it tells more. */
function askFor(maxCost: Msat, ask: Ask): Msat {
  if (maxCost >= ask.maxCost) return ask.needed;
  return maxCost === ZERO_MSAT ? ZERO_MSAT : msat(ceilDivide(ask.needed * maxCost, ask.maxCost));
}
