import type { Sort } from '../openai/routing-preferences.ts';
import { chargeOf } from '../pricing/charge.ts';
import type { Offer } from './offer.ts';
import type { Routing } from './routing.ts';
import { COMMON_OUTPUT_TOKENS, scoreOf } from './score.ts';
import type { Track } from './track.ts';
import type { Wanted } from './wanted.ts';

interface Rated {
  readonly offer: Offer;
  readonly price: number;
  readonly track: Track | undefined;
  readonly score: number;
}

/** Below this, a provider is a stranger: anyone can be one, and many. */
export const TRUSTED = 0.5;
/** No more strangers than this are tried before those who are trusted. */
const MAX_STRANGERS_FIRST = 2;
/** Scores that differ by less than this are as good as the same. */
const NEAR = 1.15;
/** A share of the mean price, for `Scored.base`. */
const BASE_SHARE = 0.1;

/**
 * In the order in which they are tried: first those that the request puts in order, then by its `sort`, or by our own score. Of
 * those that are as good as the best, any may come first, so that routers do not all run to the same one.
 */
export function ranked(
  offers: readonly Offer[],
  wanted: Wanted,
  routing: Routing,
): readonly Offer[] {
  const { order, sort, allowFallbacks } = wanted.wishes.preferences;
  const named = order.flatMap((name) => offers.filter(({ provider }) => provider === name));
  const rated = rate(
    offers.filter(({ provider }) => !order.includes(provider)),
    wanted,
    routing,
  );
  const others = sort === undefined ? byScore(rated, routing.random) : bySort(rated, sort);
  const all = [...named, ...others.map(({ offer }) => offer)];
  // With an order, others than its own are not admitted.
  return allowFallbacks || order.length > 0 ? all : all.slice(0, 1);
}

/** The best first. */
function rate(
  offers: readonly Offer[],
  wanted: Wanted,
  { tracks, weights }: Routing,
): readonly Rated[] {
  const prices = offers.map((offer) => expectedPrice(offer, wanted));
  const mean = prices.reduce((sum, price) => sum + price, 0) / Math.max(1, prices.length);
  const base = 1 + BASE_SHARE * mean;
  return offers
    .map((offer, index) => {
      const price = prices[index] ?? 0;
      const track = tracks.of(offer.provider, offer.upstreamModel);
      const score = scoreOf({ price, base, trust: offer.trust, track }, weights);
      return { offer, price, track, score };
    })
    .toSorted((a, b) => a.score - b.score);
}

/** Of an answer of common length, in msat. */
function expectedPrice(offer: Offer, wanted: Wanted): number {
  const { inputTokens: input, images, maxOutput = Infinity, choices } = wanted;
  const given = offer.maxOutput ?? offer.assumedMaxOutput;
  const output = Math.min(maxOutput, given, COMMON_OUTPUT_TOKENS) * choices;
  const usage = { input, cachedInput: 0, output, reasoning: 0, images };
  return Number(chargeOf(offer.snapshot, usage));
}

function bySort(rated: readonly Rated[], sort: Sort): readonly Rated[] {
  const measure = MEASURES[sort];
  return rated.toSorted((a, b) => compare(measure(a), measure(b)));
}

/** Lower is better; unknown comes last. */
const MEASURES: Readonly<Record<Sort, (rated: Rated) => number>> = {
  price: ({ price }) => price,
  latency: ({ track }) => track?.firstByteMs ?? Infinity,
  throughput: ({ track }) => -(track?.tokensPerS ?? -Infinity),
};

/** Not a difference: infinite ones have none. */
function compare(a: number, b: number): number {
  return Number(a > b) - Number(a < b);
}

function byScore(rated: readonly Rated[], random: () => number): readonly Rated[] {
  const [best] = rated;
  if (best === undefined) return rated;
  const first = oneOf(
    rated.filter((one) => isNear(one, best)),
    random,
  );
  if (first === undefined) return rated;
  return withStrangersLater([first, ...rated.filter((other) => other !== first)]);
}

/** Nodes are known to many routers, which must not all run to one; an own upstream is not worth a higher price for that. */
function isNear(one: Rated, best: Rated): boolean {
  if (one.score > best.score * NEAR) return false;
  return one.price <= best.price || (isBought(one) && isBought(best));
}

function isBought({ offer }: Rated): boolean {
  return offer.upstream.buying !== undefined;
}

/** Of two at random the one with less to do (power of two choices). */
function oneOf(near: readonly Rated[], random: () => number): Rated | undefined {
  if (near.length < 2) return near[0];
  const index = Math.floor(random() * near.length);
  const step = 1 + Math.floor(random() * (near.length - 1));
  const [one, other] = [near[index], near[(index + step) % near.length]];
  return runningOf(other) < runningOf(one) ? other : one;
}

function runningOf(rated: Rated | undefined): number {
  return rated?.track?.running ?? 0;
}

/** Or many cheap strangers who do not answer would use up all the tries of a request. */
function withStrangersLater(rated: readonly Rated[]): readonly Rated[] {
  const strangers = rated.filter(({ offer }) => offer.trust < TRUSTED);
  const later = new Set(strangers.slice(MAX_STRANGERS_FIRST));
  if (later.size === 0) return rated;
  return [...rated.filter((one) => !later.has(one)), ...later];
}
