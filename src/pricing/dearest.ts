import type { PriceSnapshot } from './snapshot.ts';

/**
 * Prices that no candidate exceeds, whatever the usage will be: the highest of each price, under the names of the first.
 * A hold at these prices covers every candidate that may be tried. What a request costs with its purchase is the highest of the sums.
 */
export function dearestOf(
  candidates: readonly [PriceSnapshot, ...(readonly PriceSnapshot[])],
): PriceSnapshot {
  return candidates.reduce(dearerOf);
}

function dearerOf(a: PriceSnapshot, b: PriceSnapshot): PriceSnapshot {
  const requestPmsat = higher(a.requestPmsat, b.requestPmsat);
  const purchased = higher(a.requestPmsat + a.purchasePmsat, b.requestPmsat + b.purchasePmsat);
  return {
    model: a.model,
    provider: a.provider,
    inputPmsat: higher(a.inputPmsat, b.inputPmsat),
    cachedInputPmsat: higher(a.cachedInputPmsat, b.cachedInputPmsat),
    outputPmsat: higher(a.outputPmsat, b.outputPmsat),
    reasoningPmsat: higher(a.reasoningPmsat, b.reasoningPmsat),
    imagePmsat: higher(a.imagePmsat, b.imagePmsat),
    requestPmsat,
    purchasePmsat: purchased - requestPmsat,
    minimumPmsat: higher(a.minimumPmsat, b.minimumPmsat),
    usdPmsat: a.usdPmsat ?? b.usdPmsat,
  };
}

function higher(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
