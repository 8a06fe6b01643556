import type { Msat } from '../lib/amount.ts';
import { chargeOf, exactPriceOf } from '../pricing/charge.ts';
import { createQuote } from '../pricing/create-quote.ts';
import type { PriceSnapshot } from '../pricing/snapshot.ts';
import { PMSAT_PER_MSAT } from '../pricing/snapshot.ts';
import type { Usage } from '../tokens/usage.ts';
import type { Offer } from './offer.ts';

/** What a request may use at most. Counts are not negative; `output` is over all choices. */
export interface MostUsed {
  readonly input: number;
  readonly output: number;
  readonly choices: number;
  readonly images: number;
}

/** With less output than this for each choice, most answers would be cut off. */
const MODEST_OUTPUT_TOKENS = 1_024;

/** The most that `used` can cost: nobody knows yet what will be cached or reasoning. */
export function mostOf(prices: PriceSnapshot, { input, output, images }: MostUsed): Msat {
  return chargeOf(prices, {
    input,
    cachedInput: prices.cachedInputPmsat > prices.inputPmsat ? input : 0,
    output,
    reasoning: prices.reasoningPmsat > prices.outputPmsat ? output : 0,
    images,
  });
}

/** The same with an answer of modest length for each choice. */
export function modestly(used: MostUsed): MostUsed {
  return { ...used, output: Math.min(used.output, MODEST_OUTPUT_TOKENS * used.choices) };
}

/**
 * How much of `used.output` we can buy there at present; all of it where nothing is bought with ecash. Undefined where that is
 * not even an answer of modest length.
 */
export function outputWeCanBuy(offer: Offer, used: MostUsed): number | undefined {
  const { buying } = offer.upstream;
  if (buying === undefined) return used.output;
  const affordable = buying.affordable();
  if (affordable === 0n || affordable < mostOf(offer.cost, modestly(used))) return undefined;
  if (affordable >= mostOf(offer.cost, used)) return used.output;
  const quote = createQuote({
    snapshot: offer.cost,
    input: { boundTokens: used.input, exact: () => Promise.resolve(used.input) },
    images: used.images,
    choices: 1,
    outputTokens: used.output,
    floorOutputTokens: 0,
  });
  return quote.outputTokensWithin(affordable) ?? used.output;
}

/** It might be sold for less than it costs us, though it must not. */
export function isBelowCost({ belowCost, snapshot, cost }: Offer, used: MostUsed): boolean {
  if (belowCost || covers(snapshot, cost)) return false;
  const { minimumPmsat, purchasePmsat } = snapshot;
  if (minimumPmsat - purchasePmsat >= mostOf(cost, used) * PMSAT_PER_MSAT) return false;
  // What the purchase costs we do not earn.
  const earned = { ...snapshot, minimumPmsat: 0n, purchasePmsat: 0n };
  return extremesOf(used).some((usage) => exactPriceOf(earned, usage) < exactPriceOf(cost, usage));
}

/** Prices add up, so whatever `used` turns out to be, the margin is never worse than at one of these. */
function extremesOf({ input, output, images }: MostUsed): readonly Usage[] {
  const inputs = [
    { input: 0, cachedInput: 0 },
    { input, cachedInput: 0 },
    { input, cachedInput: input },
  ];
  const outputs = [
    { output: 0, reasoning: 0 },
    { output, reasoning: 0 },
    { output, reasoning: output },
  ];
  return inputs.flatMap((read) => outputs.map((given) => ({ ...read, ...given, images })));
}

/** Whatever is used: none of the prices is lower. */
function covers(prices: PriceSnapshot, cost: PriceSnapshot): boolean {
  return (
    prices === cost ||
    (prices.inputPmsat >= cost.inputPmsat &&
      prices.cachedInputPmsat >= cost.cachedInputPmsat &&
      prices.outputPmsat >= cost.outputPmsat &&
      prices.reasoningPmsat >= cost.reasoningPmsat &&
      prices.imagePmsat >= cost.imagePmsat &&
      prices.requestPmsat >= cost.requestPmsat &&
      prices.purchasePmsat >= cost.purchasePmsat &&
      prices.minimumPmsat >= cost.minimumPmsat)
  );
}
