import type { IncomingHttpHeaders } from 'node:http';

import type { ChatRequest } from '../openai/chat-request.ts';
import { readRoutePin } from '../openai/route-pin.ts';
import type { RoutePin } from '../openai/route-pin.ts';
import { NO_PREFERENCES, readRoutingPreferences } from '../openai/routing-preferences.ts';
import type { MaxPrice, RoutingPreferences } from '../openai/routing-preferences.ts';
import type { Offer } from './offer.ts';

/** What a request says about who may answer it: in its body, and in its headers. */
export interface Wishes {
  readonly preferences: RoutingPreferences;
  /** The only provider that may answer, and no other model than it names. */
  readonly pin: RoutePin | undefined;
}

export const NO_WISHES: Wishes = { preferences: NO_PREFERENCES, pin: undefined };

/** `NO_WISHES` itself where the request has none. Throws RouterError for what is wrong about them. */
export function readWishes(request: ChatRequest, headers: IncomingHttpHeaders): Wishes {
  const preferences = readRoutingPreferences(request);
  const pin = readRoutePin(headers);
  return preferences === NO_PREFERENCES && pin === undefined ? NO_WISHES : { preferences, pin };
}

/** A test of offers against the wishes of one request; undefined where any offer will do. */
export type Admission = ((offer: Offer) => boolean) | undefined;

/** Prices in USD that we show have 9 digits: who asks for no more than it was shown must be served. */
const TOLERANCE = 100_000_000n;
const MILLION_PLACES = 6;

/**
 * Which offers a request admits. `usdPmsat` turns its limits into the unit of our prices: while no rate is known, no offer is
 * known to be below a limit.
 */
export function admissionOf(wishes: Wishes, usdPmsat: bigint | undefined): Admission {
  if (wishes === NO_WISHES) return undefined;
  const { preferences, pin } = wishes;
  const { only, order, ignore, maxPrice, allowFallbacks } = preferences;
  const isOrderAll = order.length > 0 && !allowFallbacks;
  const isWithin = maxPrice === undefined ? undefined : limitsOf(maxPrice, usdPmsat);
  return (offer) => {
    const { provider } = offer;
    if (pin !== undefined && !isPinned(offer, pin)) return false;
    if (only !== undefined && !only.includes(provider)) return false;
    if (isOrderAll && !order.includes(provider)) return false;
    return !ignore.includes(provider) && isWithin?.(offer) !== false;
  };
}

function isPinned({ provider, upstreamModel, snapshot }: Offer, pin: RoutePin): boolean {
  if (provider !== pin.provider) return false;
  return pin.model === undefined || pin.model === upstreamModel || pin.model === snapshot.model;
}

function limitsOf(maxPrice: MaxPrice, usdPmsat: bigint | undefined): (offer: Offer) => boolean {
  const prompt = limitOf(maxPrice.prompt, usdPmsat, MILLION_PLACES);
  const completion = limitOf(maxPrice.completion, usdPmsat, MILLION_PLACES);
  const request = limitOf(maxPrice.request, usdPmsat, 0);
  const image = limitOf(maxPrice.image, usdPmsat, 0);
  return ({ snapshot }) =>
    isBelow(prompt, snapshot.inputPmsat, snapshot.cachedInputPmsat) &&
    isBelow(completion, snapshot.outputPmsat, snapshot.reasoningPmsat) &&
    isBelow(request, snapshot.requestPmsat + snapshot.purchasePmsat, snapshot.minimumPmsat) &&
    isBelow(image, snapshot.imagePmsat);
}

function isBelow(limit: bigint | undefined, ...prices: readonly bigint[]): boolean {
  return limit === undefined || prices.every((price) => price <= limit);
}

/** The highest price in pico-msat; below every price while there is no rate. */
function limitOf(
  max: MaxPrice[keyof MaxPrice],
  usdPmsat: bigint | undefined,
  places: number,
): bigint | undefined {
  if (max === undefined) return undefined;
  if (usdPmsat === undefined) return -1n;
  const limit = (max.digits * usdPmsat) / 10n ** BigInt(max.scale + places);
  return limit + limit / TOLERANCE;
}
