import type { Offer } from './offer.ts';
import { modestly, mostOf } from './purchase.ts';
import type { Routing } from './routing.ts';
import type { Wanted } from './wanted.ts';

/** A request that has passed so many routers is not passed to another. */
const MAX_HOPS = 2;

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
  if (buying === undefined) return true;
  const { boundTokens: input, maxOutput = Infinity, choices, images } = wanted;
  const output = Math.min(maxOutput, offer.maxOutput ?? offer.assumedMaxOutput) * choices;
  const used = modestly({ input, output, choices, images });
  return buying.affordable() >= mostOf(offer.cost, used);
}

/** Does the request fit into the context of this offer, as far as that is known? */
export function isRoomy({ contextLength }: Offer, { inputTokens, maxOutput }: Wanted): boolean {
  return contextLength === undefined || inputTokens + (maxOutput ?? 1) <= contextLength;
}
