import { modelItem } from '../openai/model-item.ts';
import type { ModelItem } from '../openai/model-item.ts';
import { chargeOf } from '../pricing/charge.ts';
import { satPerToken, usdPerToken } from '../pricing/published-price.ts';
import type { Offer, ServedModel } from './offer.ts';

/** A context that a provider did not tell; clients want a number. */
const UNKNOWN_CONTEXT = 8_192;

/** The entries of `/v1/models`, at the price that no request exceeds. `startedS`: since when they are served, unix seconds. */
export function modelItems(
  models: readonly ServedModel[],
  options: { readonly usdPmsat: bigint | undefined; readonly startedS: number },
): readonly ModelItem[] {
  return models.map((model) => {
    const { dearest, offers } = model;
    const contextLength = most(offers, (offer) => offer.contextLength) ?? UNKNOWN_CONTEXT;
    const maxOutput = most(offers, (offer) => offer.maxOutput);
    const output = maxOutput ?? most(offers, (offer) => offer.assumedMaxOutput) ?? contextLength;
    const sat = satPerToken(dearest);
    return modelItem({
      id: model.id,
      name: model.name,
      ownedBy: offers.map((offer) => offer.provider).join(','),
      description: model.name,
      created: options.startedS,
      contextLength,
      maxOutput,
      takesImages: dearest.imagePmsat > 0n || offers.some((offer) => offer.allowRemoteImages),
      usd: usdPerToken(dearest, options.usdPmsat) ?? NO_PRICES,
      sat,
      maxCostSat: {
        prompt: costSat(model, contextLength, 0),
        completion: costSat(model, 0, output),
        total: costSat(model, contextLength, output),
      },
    });
  });
}

const NO_PRICES = { input: 0, cachedInput: 0, output: 0, reasoning: 0, image: 0, request: 0 };

function costSat({ dearest }: ServedModel, input: number, output: number): number {
  const usage = { input, cachedInput: 0, output, reasoning: 0, images: 0 };
  return Number(chargeOf(dearest, usage)) / 1000;
}

function most(
  offers: readonly Offer[],
  of: (offer: Offer) => number | undefined,
): number | undefined {
  const known = offers.flatMap((offer) => of(offer) ?? []);
  return known.length === 0 ? undefined : Math.max(...known);
}
