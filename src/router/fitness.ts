import type { Msat } from '../lib/amount.ts';
import { chargeOf } from '../pricing/charge.ts';
import type { Offer } from './offer.ts';
import type { Routing } from './routing.ts';
import type { Wanted } from './wanted.ts';

/** A request that has passed so many routers is not passed to another. */
const MAX_HOPS = 2;
/** With less output than this for each choice, most answers would be cut off. */
const MODEST_OUTPUT_TOKENS = 1_024;

/** May this offer be tried now, as far as that is told at once? Not if it is blocked, cooled, left alone, or out of our reach. */
export function isOpen(offer: Offer, wanted: Wanted, { cooldowns }: Routing): boolean {
  if (offer.trust <= 0 || offer.breaker.isResting) return false;
  if (wanted.remoteImages && !offer.allowRemoteImages) return false;
  if (cooldowns.isCooled(offer.provider, offer.upstreamModel)) return false;
  const { buying } = offer.upstream;
  return buying === undefined || (wanted.hops < MAX_HOPS && buying.affordable() > 0n);
}

/** Can we buy an answer of modest length? */
export function isAffordable(offer: Offer, wanted: Wanted): boolean {
  const { buying } = offer.upstream;
  return buying === undefined || buying.affordable() >= leastCost(offer, wanted);
}

/** What an answer of modest length can cost us there. */
function leastCost(offer: Offer, { boundTokens, maxOutput, choices, images }: Wanted): Msat {
  const given = offer.maxOutput ?? offer.assumedMaxOutput;
  const output = Math.min(maxOutput ?? Infinity, given, MODEST_OUTPUT_TOKENS) * choices;
  const usage = { input: boundTokens, cachedInput: 0, output, reasoning: 0, images };
  return chargeOf(offer.cost, usage);
}

/** Does the request fit into the context of this offer, as far as that is known? */
export function isRoomy({ contextLength }: Offer, { inputTokens, maxOutput }: Wanted): boolean {
  return contextLength === undefined || inputTokens + (maxOutput ?? 1) <= contextLength;
}
