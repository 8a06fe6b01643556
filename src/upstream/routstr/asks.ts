import { msat, ZERO_MSAT } from '../../lib/amount.ts';
import type { Msat } from '../../lib/amount.ts';

/** What a node wants to see on an account before it serves a model: Routstr core may ask for more than a request can cost. */
export interface Asks {
  of(model: string): Msat;
  learn(model: string, neededMsat: bigint): void;
}

const MAX_MODELS = 1000;

export function createAsks(): Asks {
  const asks = new Map<string, Msat>();
  return {
    of: (model) => asks.get(model) ?? ZERO_MSAT,
    learn(model, neededMsat) {
      asks.delete(model);
      asks.set(model, msat(neededMsat));
      for (const oldest of asks.keys()) {
        if (asks.size <= MAX_MODELS) break;
        asks.delete(oldest);
      }
    },
  };
}
