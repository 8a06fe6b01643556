import type { Msat } from '../lib/amount.ts';
import type { JsonObject } from './json-object.ts';

export interface Cost {
  readonly charge: Msat;
  readonly input?: Msat | undefined;
  readonly output?: Msat | undefined;
  readonly usd?: number | undefined;
  /** What is left on the payer's account. */
  readonly balance?: Msat | undefined;
}

/** What a cost adds to an answer's `usage`, in the words of Routstr clients. */
export interface CostFields {
  readonly cost: {
    readonly total_msats: number;
    readonly input_msats?: number;
    readonly output_msats?: number;
    readonly total_usd?: number;
    readonly remaining_balance_msats?: number;
  };
  /** Exact: 1.2 for 1,200 msat. */
  readonly cost_sats: number;
}

export function costFields({ charge, input, output, usd, balance }: Cost): CostFields {
  return {
    cost: {
      total_msats: Number(charge),
      ...(input === undefined ? {} : { input_msats: Number(input) }),
      ...(output === undefined ? {} : { output_msats: Number(output) }),
      ...(usd === undefined ? {} : { total_usd: usd }),
      ...(balance === undefined ? {} : { remaining_balance_msats: Number(balance) }),
    },
    cost_sats: Number(charge) / 1000,
  };
}

/** An upstream's `usage`, or answer, without what it charged us and what is left of ours there; itself where it says nothing of it. */
export function withoutCost(said: JsonObject): JsonObject {
  if (!MONEY_KEYS.some((key) => key in said)) return said;
  return Object.fromEntries(Object.entries(said).filter(([key]) => !MONEY_KEYS.includes(key)));
}

const MONEY_KEYS: readonly string[] = ['cost', 'cost_sats', 'remaining_balance_msats'];
