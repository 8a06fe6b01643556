import { isAffordable, isOpen, isRoomy } from './fitness.ts';
import type { Offer, ServedModel } from './offer.ts';
import { admissionOf } from './preferences.ts';
import type { Admission } from './preferences.ts';
import { ranked, TRUSTED } from './ranking.ts';
import { nobodyAdmitted, noUpstream } from './refusal.ts';
import type { Routing } from './routing.ts';
import { usualOffers } from './usual-offers.ts';
import type { Wanted } from './wanted.ts';

/** So many offers may be tried for one request at most. */
export const MAX_CANDIDATES = 8;

/** The cheapest so many are compared: of providers that are trusted, and of strangers, whose number anyone can raise. */
const TRUSTED_COMPARED = 24;
const STRANGERS_COMPARED = 16;
/** Of the strangers, so many of one host: one domain has room for any number of them. */
const STRANGERS_OF_HOST = 2;
/** So many are looked at more closely: whether what they may cost can be paid. */
const TRUSTED_LOOKED_AT = 128;
const STRANGERS_LOOKED_AT = 64;

/**
 * The offers that may be tried, in order, at most 8; `model.offers` stand in the order of price. Left out is what the request
 * does not admit, what is blocked, cooled or left alone at present, and what cannot be bought: empty when nothing is left. Changes
 * nothing: who asks may not even pay.
 */
export function candidatesOf(
  model: ServedModel,
  wanted: Wanted,
  routing: Routing,
): readonly Offer[] {
  const { offers } = model;
  const admits = admissionOf(wanted.wishes, routing.usdPmsat());
  if (offers.length === 1) {
    const [offer] = offers;
    const isFit = isOpen(offer, wanted, routing) && isAffordable(offer, wanted);
    return isFit && admits?.(offer) !== false ? offers : [];
  }
  const search = { wanted, routing, admits };
  const roomy = fitAmong(offers, { ...search, mustBeRoomy: true });
  // What is too long for all of them, their upstreams say best.
  const fit = inProportion(
    roomy.length > 0 ? roomy : fitAmong(offers, { ...search, mustBeRoomy: false }),
    wanted,
  );
  return fit.length < 2 ? fit : ranked(fit, wanted, routing).slice(0, MAX_CANDIDATES);
}

/** The hold covers the dearest of them: who asks for a fortune is tried only where the request itself names the provider. */
function inProportion(offers: readonly Offer[], { wishes }: Wanted): readonly Offer[] {
  const { only, order } = wishes.preferences;
  if (only !== undefined || wishes.pin !== undefined) return offers;
  return usualOffers(offers, ({ provider }) => order.includes(provider));
}

/**
 * The candidates of several models, those of one before those of the next, at most 8. Throws RouterError when there is none:
 * `no_matching_provider` where the request itself admits none, else `no_upstream`.
 */
export function candidatesAmong(
  models: readonly ServedModel[],
  wanted: Wanted,
  routing: Routing,
): readonly [Offer, ...Offer[]] {
  const [first, second] = models;
  const found =
    first !== undefined && second === undefined
      ? candidatesOf(first, wanted, routing)
      : models.flatMap((model) => candidatesOf(model, wanted, routing)).slice(0, MAX_CANDIDATES);
  if (isSome(found)) return found;
  const admits = admissionOf(wanted.wishes, routing.usdPmsat());
  const isWished = models.some(({ offers }) => offers.some((offer) => admits?.(offer) !== false));
  throw isWished ? noUpstream() : nobodyAdmitted(wanted.wishes);
}

function isSome(offers: readonly Offer[]): offers is readonly [Offer, ...Offer[]] {
  return offers.length > 0;
}

interface Search {
  readonly wanted: Wanted;
  readonly routing: Routing;
  readonly admits: Admission;
  readonly mustBeRoomy: boolean;
}

function fitAmong(offers: readonly Offer[], search: Search): readonly Offer[] {
  const { wanted } = search;
  const { order } = wanted.wishes.preferences;
  const found: Offer[] = [];
  const trusted = { places: TRUSTED_COMPARED, looks: TRUSTED_LOOKED_AT };
  const strangers = { places: STRANGERS_COMPARED, looks: STRANGERS_LOOKED_AT };
  const strangersOf = new Map<string, number>();
  for (const offer of offers) {
    const kind = offer.trust < TRUSTED ? strangers : trusted;
    const isFull = kind.places <= 0 || kind.looks <= 0;
    const isNamed = order.includes(offer.provider);
    if ((isFull && !isNamed) || !isAdmitted(offer, search)) continue;
    if (kind === strangers && isCrowded(strangersOf, offer) && !isNamed) continue;
    kind.looks -= 1;
    if (!isAffordable(offer, wanted)) continue;
    kind.places -= 1;
    found.push(offer);
  }
  return found;
}

function isAdmitted(offer: Offer, { admits, wanted, routing, mustBeRoomy }: Search): boolean {
  if (admits?.(offer) === false || !isOpen(offer, wanted, routing)) return false;
  return !mustBeRoomy || isRoomy(offer, wanted);
}

/** Counts one more of the offer's host; true where there are enough. */
function isCrowded(counts: Map<string, number>, { provider }: Offer): boolean {
  const [host = provider] = provider.split(/[/~]/, 1);
  const count = (counts.get(host) ?? 0) + 1;
  counts.set(host, count);
  return count > STRANGERS_OF_HOST;
}
