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
  if (a === b) return a;
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

/** So many different prices are remembered; of a rarer one a second object is made. */
const MAX_REMEMBERED = 1_000;

/**
 * As `dearestOf`, but under the name of `model`, and the same object for the same prices, whoever asks them: who remembers
 * snapshots by identity meets few.
 */
export function rememberDearest(): (
  model: string,
  candidates: Parameters<typeof dearestOf>[0],
) => PriceSnapshot {
  const remembered = new Map<string, PriceSnapshot>();
  return (model, candidates) => {
    const [only] = candidates;
    if (candidates.length === 1 && only.model === model) return only;
    const dearest = { ...dearestOf(candidates), model };
    const { provider: _, ...prices } = dearest;
    const key = Object.values(prices).join(' ');
    const known = remembered.get(key);
    if (known !== undefined) return known;
    for (const oldest of remembered.keys()) {
      if (remembered.size < MAX_REMEMBERED) break;
      remembered.delete(oldest);
    }
    remembered.set(key, dearest);
    return dearest;
  };
}
