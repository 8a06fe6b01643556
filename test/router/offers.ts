import { msat } from '../../src/lib/amount.ts';
import { dearestOf } from '../../src/pricing/dearest.ts';
import { priceOf } from '../../src/pricing/price-list.ts';
import type { PriceSnapshot } from '../../src/pricing/snapshot.ts';
import type { Offer, ServedModel } from '../../src/router/offer.ts';
import { NO_WISHES } from '../../src/router/preferences.ts';
import type { Wanted } from '../../src/router/wanted.ts';
import type { Buying, Upstream } from '../../src/upstream/upstream.ts';
import { closedBreaker, listingUpstream } from './market.ts';

/** Prices in sat for a million tokens. */
export function satPrice(provider: string, input: number, output = 2 * input): PriceSnapshot {
  const terms = { model: 'm', provider, markup: '1', usdPmsat: undefined };
  const price = priceOf({ unit: 'sat', input, output }, terms);
  if (price === 'no-rate') throw new Error('prices in sat need no rate');
  return price;
}

export function buyingWith(affordable: () => bigint): Buying {
  return {
    affordable: () => msat(affordable()),
    why: () => 'no funds',
    overhead: () => msat(0n),
  };
}

/** An upstream that is paid with ecash, where so much can be bought. */
export function boughtUpstream(id: string, affordable: () => bigint): Upstream {
  return { ...listingUpstream(id, () => []), buying: buyingWith(affordable) };
}

export function offer(
  provider: string,
  more: Partial<Offer> & { readonly input?: number } = {},
): Offer {
  const { input = 10_000, ...rest } = more;
  const snapshot = more.snapshot ?? satPrice(provider, input);
  return {
    provider,
    upstream: listingUpstream(provider, () => []),
    breaker: closedBreaker,
    upstreamModel: 'm',
    snapshot,
    cost: snapshot,
    nominalMsat: Number(snapshot.inputPmsat),
    belowCost: false,
    trust: 1,
    contextLength: undefined,
    maxOutput: undefined,
    assumedMaxOutput: 4_096,
    maxOutputField: 'max_tokens',
    allowRemoteImages: false,
    firstByteTimeoutMs: 1_000,
    answerTimeoutMs: 1_000,
    ...rest,
  };
}

/** Sorted as the catalog does. */
export function served(...offers: readonly [Offer, ...Offer[]]): ServedModel {
  const [first, ...others] = offers.toSorted((a, b) => a.nominalMsat - b.nominalMsat);
  if (first === undefined) throw new Error('a model has offers');
  const snapshots = others.map(({ snapshot }) => snapshot);
  return {
    id: 'm',
    name: 'm',
    offers: [first, ...others],
    dearest: dearestOf([first.snapshot, ...snapshots]),
  };
}

export function wanted(more: Partial<Wanted> = {}): Wanted {
  return {
    inputTokens: 1_000,
    boundTokens: 4_000,
    maxOutput: 500,
    choices: 1,
    images: 0,
    remoteImages: false,
    hops: 0,
    wishes: NO_WISHES,
    ...more,
  };
}
