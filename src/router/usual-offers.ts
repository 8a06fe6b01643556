import type { Offer } from './offer.ts';
import { TRUSTED } from './ranking.ts';

/** So many times dearer than others may an offer be, and still be one of them. */
const SPREAD = 4;

/**
 * Those that are not out of proportion: a stranger who asks for a fortune, and will never be paid, must not raise what a payer has to
 * hold, nor what `/v1/models` says that a model costs. Proportion is what those ask who are trusted; where these ask nothing, or
 * there is none, what the cheaper half of those asks who ask something: strangers who ask nothing must not shut out the others.
 * `isNamed`: offers that are wanted at any price. Keeps the order; returns at least one of several.
 */
export function usualOffers(
  offers: readonly Offer[],
  isNamed: (offer: Offer) => boolean = () => false,
): readonly Offer[] {
  if (offers.length < 2) return offers;
  const limit = SPREAD * measureOf(offers);
  return offers.filter((offer) => offer.nominalMsat <= limit || isNamed(offer));
}

function measureOf(offers: readonly Offer[]): number {
  const most = highest(offers.filter(({ trust }) => trust >= TRUSTED));
  return most > 0 ? most : lowerMedian(offers.filter(({ nominalMsat }) => nominalMsat > 0));
}

function highest(offers: readonly Offer[]): number {
  return offers.reduce((most, { nominalMsat }) => Math.max(most, nominalMsat), 0);
}

function lowerMedian(offers: readonly Offer[]): number {
  const sorted = offers.map(({ nominalMsat }) => nominalMsat).toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}
