import type { ListedModel } from '../../openai/model-list.ts';
import type { PriceSnapshot } from '../../pricing/snapshot.ts';
import { expectedCharge, publishedPrices } from './expected-charge.ts';
import type { Sold } from './expected-charge.ts';

/** Tells what a node may charge by the prices that it publishes. */
export interface PriceCheck {
  /** What it publishes of a model now, as far as we know. */
  prices(model: string): PriceSnapshot | undefined;
  /**
   * What a node that charged `chargedMsat` may charge, by the prices of when it was asked; where that is less, also by those of
   * now. Undefined where it cannot be known.
   */
  expected(model: string, sold: Sold, chargedMsat: bigint): Promise<bigint | undefined>;
}

export interface PriceCheckOptions {
  readonly listed: (model: string) => ListedModel | undefined;
  /** Asks the node for its models. */
  readonly fetchList: () => Promise<readonly ListedModel[]>;
}

/** Prices in USD follow the exchange rate, and our copy of them is minutes old: so much is believed, not more. */
const DRIFT = 20n;
const MIN_FETCH_GAP_MS = 60_000;

export function createPriceCheck({ listed, fetchList }: PriceCheckOptions): PriceCheck {
  let fetchedAtMs = -Infinity;
  let latest: Promise<readonly ListedModel[]> = Promise.resolve([]);

  const fresh = async (model: string): Promise<PriceSnapshot | undefined> => {
    if (performance.now() - fetchedAtMs >= MIN_FETCH_GAP_MS) {
      fetchedAtMs = performance.now();
      // A node that does not tell its prices now is judged by those of before.
      latest = fetchList().catch(() => []);
    }
    return publishedPrices((await latest).find(({ id }) => id === model));
  };
  return {
    prices: (model) => publishedPrices(listed(model)),
    async expected(model, sold, chargedMsat) {
      const before = expectedCharge(sold);
      if (before === undefined || chargedMsat <= before + 1n) return before;
      const now = expectedCharge({ ...sold, prices: await fresh(model) });
      const most = before + before / DRIFT;
      if (now === undefined || now <= before) return before;
      return now < most ? now : most;
    },
  };
}
