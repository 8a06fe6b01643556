import { ceilToSat } from '../lib/amount.ts';
import { modelItem } from '../openai/model-item.ts';
import type { ModelItem } from '../openai/model-item.ts';
import { chargeOf } from '../pricing/charge.ts';
import { satPerToken, usdPerToken } from '../pricing/published-price.ts';
import { NO_USAGE } from '../tokens/usage.ts';
import type { Catalog } from './catalog.ts';
import type { ServedModel } from './offer.ts';

/** What is served, as `/v1/models` tells it. The same array until something changes. */
export interface ModelList {
  items(): readonly ModelItem[];
}

export interface ModelListOptions {
  readonly catalog: Pick<Catalog, 'models'>;
  /** Pico-msat per US dollar, for models that are priced in sat. */
  readonly usdPmsat: () => bigint | undefined;
  /** Since when models are served, in seconds since the epoch. */
  readonly since: number;
  /** The name of this node. */
  readonly ownedBy: string;
}

export function createModelList(options: ModelListOptions): ModelList {
  let listed: readonly ServedModel[] | undefined;
  let items: readonly ModelItem[] = [];
  return {
    items() {
      const models = options.catalog.models();
      if (models !== listed) {
        listed = models;
        items = models.map((model) => itemOf(model, options));
      }
      return items;
    },
  };
}

/** Prices are the dearest of all offers: nobody is charged more than is published. */
function itemOf(model: ServedModel, options: ModelListOptions): ModelItem {
  const { dearest, offers } = model;
  const limits = offers.map((offer) => offer.maxOutput ?? offer.assumedMaxOutput);
  const maxOutput = Math.max(...limits);
  const contexts = offers.flatMap((offer) => offer.contextLength ?? []);
  // Clients need a number. Where nobody tells one, it is the least that goes with the output limit.
  const contextLength = contexts.length > 0 ? Math.max(...contexts) : 2 * maxOutput;
  const satOf = (input: number, output: number): number =>
    Number(ceilToSat(chargeOf(dearest, { ...NO_USAGE, input, output })));
  return modelItem({
    id: model.id,
    name: model.name,
    ownedBy: options.ownedBy,
    description: model.name,
    created: options.since,
    contextLength,
    maxOutput,
    takesImages: true,
    sat: satPerToken(dearest),
    usd: usdPerToken(dearest, dearest.usdPmsat ?? options.usdPmsat()) ?? NO_PRICE,
    maxCostSat: {
      prompt: satOf(contextLength, 0),
      completion: satOf(0, maxOutput),
      total: satOf(contextLength, maxOutput),
    },
  });
}

/** Prices in sat are always told; those in USD cannot be without a rate, and clients need numbers. */
const NO_PRICE = { input: 0, cachedInput: 0, output: 0, reasoning: 0, image: 0, request: 0 };
