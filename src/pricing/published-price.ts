import type { PriceSnapshot } from './snapshot.ts';

/** Prices as the model list shows them, per token or per piece. */
export interface PublishedPrices {
  readonly input: number;
  readonly cachedInput: number;
  readonly output: number;
  readonly reasoning: number;
  readonly image: number;
  /** With what it costs to buy the answer, where it is bought. */
  readonly request: number;
  readonly minimum: number;
}

/** The error of the exchange rate is far larger; more digits would only show the rounding to pico-msat. */
const USD_DIGITS = 9;

/** In sat, exact: as decimal text these numbers are what `chargeOf` calculates with. */
export function satPerToken(snapshot: PriceSnapshot): PublishedPrices {
  return published(snapshot, (pmsat) => Number(`${pmsat}e-15`));
}

/**
 * In USD, to 9 significant digits: for people, the sat prices are what is charged. `usdPmsat` is the rate to use for prices
 * that were made in sat; undefined without any rate.
 */
export function usdPerToken(
  snapshot: PriceSnapshot,
  usdPmsat: bigint | undefined = snapshot.usdPmsat,
): PublishedPrices | undefined {
  if (usdPmsat === undefined) return undefined;
  return published(snapshot, (pmsat) =>
    Number((Number(pmsat) / Number(usdPmsat)).toPrecision(USD_DIGITS)),
  );
}

function published(snapshot: PriceSnapshot, show: (pmsat: bigint) => number): PublishedPrices {
  return {
    input: show(snapshot.inputPmsat),
    cachedInput: show(snapshot.cachedInputPmsat),
    output: show(snapshot.outputPmsat),
    reasoning: show(snapshot.reasoningPmsat),
    image: show(snapshot.imagePmsat),
    request: show(snapshot.requestPmsat + snapshot.purchasePmsat),
    minimum: show(snapshot.minimumPmsat),
  };
}
