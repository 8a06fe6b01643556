import { chargeOf } from '../pricing/charge.ts';
import type { Offer, ServedModel } from './offer.ts';

/** What a request is expected to use, as far as the order of prices depends on it. */
export interface Shape {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly images: number;
}

/**
 * The offers that may be tried, the cheapest for this request first. Offers whose upstream is left alone at present are left
 * out: empty when none is up. Changes nothing: who asks may not even pay.
 */
export function candidatesOf(model: ServedModel, shape: Shape): readonly Offer[] {
  const up = model.offers.filter((offer) => !offer.breaker.isResting);
  if (up.length < 2) return up;
  const usage = {
    input: shape.inputTokens,
    cachedInput: 0,
    output: shape.outputTokens,
    reasoning: 0,
    images: shape.images,
  };
  return up
    .map((offer) => ({ offer, price: chargeOf(offer.snapshot, usage) }))
    .toSorted((a, b) => (a.price < b.price ? -1 : Number(a.price > b.price)))
    .map(({ offer }) => offer);
}
