import { modelItem } from '../openai/model-item.ts';
import type { ModelItem } from '../openai/model-item.ts';
import { chargeOf } from '../pricing/charge.ts';
import { satPerToken, usdPerToken } from '../pricing/published-price.ts';
import type { Offer, ServedModel } from './offer.ts';
import { TRUSTED } from './ranking.ts';

/** A context that a provider did not tell; clients want a number. */
const UNKNOWN_CONTEXT = 8_192;
/** A list of more than these is of no use to anybody, and of many MB. All are served, whether listed or not. */
const MAX_LISTED = 20_000;

export interface ModelItemOptions {
  /** Pico-msat per US dollar; undefined while no rate is known. */
  readonly usdPmsat: bigint | undefined;
  /** Since when they are served, unix seconds. */
  readonly startedS: number;
}

/** Models are immutable; of very many, a few change at a time. */
const made = new WeakMap<ServedModel, ModelItemOptions & { readonly item: ModelItem }>();

/** The entries of `/v1/models`, at the price that no usual offer exceeds. An entry is made once for as long as its model stays. */
export function modelItems(
  models: readonly ServedModel[],
  options: ModelItemOptions,
): readonly ModelItem[] {
  return models.slice(0, MAX_LISTED).map((model) => {
    const known = made.get(model);
    const { usdPmsat, startedS } = options;
    if (known?.usdPmsat === usdPmsat && known?.startedS === startedS) return known.item;
    const item = itemOf(model, options);
    made.set(model, { ...options, item });
    return item;
  });
}

function itemOf(model: ServedModel, { usdPmsat, startedS }: ModelItemOptions): ModelItem {
  const { dearest, offers } = model;
  const contextLength = toldOf(offers, (offer) => offer.contextLength) ?? UNKNOWN_CONTEXT;
  const maxOutput = toldOf(offers, (offer) => offer.maxOutput);
  const output = maxOutput ?? toldOf(offers, (offer) => offer.assumedMaxOutput) ?? contextLength;
  return modelItem({
    id: model.id,
    name: model.name,
    description: model.name,
    created: startedS,
    contextLength,
    maxOutput,
    takesImages: dearest.imagePmsat > 0n || offers.some((offer) => offer.allowRemoteImages),
    usd: usdPerToken(dearest, usdPmsat) ?? NO_PRICES,
    sat: satPerToken(dearest),
    providers: offers.map(({ provider }) => provider),
    lowestSat: satPerToken(offers[0].snapshot),
    maxCostSat: {
      prompt: costSat(model, contextLength, 0),
      completion: costSat(model, 0, output),
      total: costSat(model, contextLength, output),
    },
  });
}

const NO_PRICES = { input: 0, cachedInput: 0, output: 0, reasoning: 0, image: 0, request: 0 };

function costSat({ dearest }: ServedModel, input: number, output: number): number {
  const usage = { input, cachedInput: 0, output, reasoning: 0, images: 0 };
  return Number(chargeOf(dearest, usage)) / 1000;
}

/** The most that those tell who are trusted; among strangers alone what the middle one tells, or one of them would make it absurd. */
function toldOf(
  offers: readonly Offer[],
  of: (offer: Offer) => number | undefined,
): number | undefined {
  const trusted = offers
    .filter(({ trust }) => trust >= TRUSTED)
    .flatMap((offer) => of(offer) ?? []);
  if (trusted.length > 0) return trusted.reduce((a, b) => Math.max(a, b));
  const told = offers.flatMap((offer) => of(offer) ?? []).toSorted((a, b) => a - b);
  return told[Math.floor((told.length - 1) / 2)];
}
