import type { ListedModel } from '../openai/model-list.ts';
import { dearestOf } from '../pricing/dearest.ts';
import { listPrice } from '../pricing/list.ts';
import { priceOf } from '../pricing/price-list.ts';
import type { PriceConfig } from '../pricing/price-list.ts';
import { upstreamPrice } from '../pricing/upstream-price.ts';
import type { CatalogSource, ConfiguredModel } from './catalog-source.ts';
import type { Offer, ServedModel } from './offer.ts';

/** What prices are computed from. `lists` holds what each provider's upstream said last. */
export interface Market {
  readonly sources: readonly CatalogSource[];
  readonly lists: ReadonlyMap<string, readonly ListedModel[]>;
  /** Pico-msat per US dollar; undefined while no rate is known. */
  readonly usdPmsat: bigint | undefined;
  readonly atMs: number;
}

export interface PricedModels {
  readonly served: ReadonlyMap<string, ServedModel>;
  /** Served as soon as there is an exchange rate. */
  readonly waiting: ReadonlySet<string>;
  /** `provider/model` that nobody tells a price of. */
  readonly unpriced: readonly string[];
}

/** What we ask a provider for at most where its own limit is unknown: more than this, and old models refuse the request. */
const UNKNOWN_MAX_OUTPUT = 4_096;
/** The same where the context is known to be large. */
const LARGE_MAX_OUTPUT = 16_384;

/** Prices every model of every provider. Pure. */
export function pricedModels(market: Market): PricedModels {
  const offers = new Map<string, { name: string; offers: [Offer, ...Offer[]] }>();
  const waiting = new Set<string>();
  const unpriced: string[] = [];
  for (const source of market.sources) {
    const list = new Map(market.lists.get(source.id)?.map((model) => [model.id, model]));
    for (const model of modelsOf(source, list)) {
      const listed = list.get(model.upstreamId);
      const price = priceConfigOf(source, model, listed, market.atMs);
      if (price === undefined) {
        unpriced.push(`${source.id}/${model.id}`);
        continue;
      }
      const { markup } = source;
      const { usdPmsat } = market;
      const snapshot = priceOf(price, { model: model.id, provider: source.id, markup, usdPmsat });
      if (snapshot === 'no-rate') {
        waiting.add(model.id);
        continue;
      }
      const terms = { model: model.id, provider: source.id, markup: '1', usdPmsat };
      const cost = priceOf(price, terms);
      if (cost === 'no-rate') continue;
      const offer: Offer = { ...termsOf(source, model, listed), snapshot, cost };
      const known = offers.get(model.id);
      if (known === undefined) {
        offers.set(model.id, { name: model.name ?? listed?.name ?? model.id, offers: [offer] });
      } else {
        known.offers.push(offer);
      }
    }
  }
  return { served: servedOf(offers), waiting, unpriced };
}

function servedOf(
  offers: ReadonlyMap<string, { readonly name: string; readonly offers: [Offer, ...Offer[]] }>,
): ReadonlyMap<string, ServedModel> {
  const served = new Map<string, ServedModel>();
  for (const [id, { name, offers: all }] of offers) {
    const [first, ...others] = all;
    const snapshots = others.map(({ snapshot }) => snapshot);
    served.set(id, { id, name, offers: all, dearest: dearestOf([first.snapshot, ...snapshots]) });
  }
  return served;
}

function modelsOf(
  source: CatalogSource,
  list: ReadonlyMap<string, ListedModel>,
): readonly ConfiguredModel[] {
  if (source.models !== '*') return source.models;
  return [...list.values()].map(({ id, name, contextLength, maxOutput }) => ({
    id,
    upstreamId: id,
    name,
    context: contextLength,
    maxOutput,
    price: undefined,
  }));
}

function priceConfigOf(
  source: CatalogSource,
  model: ConfiguredModel,
  listed: ListedModel | undefined,
  atMs: number,
): PriceConfig | undefined {
  const price = model.price ?? source.price;
  if (price === 'list') {
    return listPrice({ model: model.upstreamId, baseUrl: source.baseUrl, atMs });
  }
  if (price !== undefined) return price;
  return listed?.usdPerToken === undefined ? undefined : upstreamPrice(listed.usdPerToken, 'usd');
}

function termsOf(
  source: CatalogSource,
  model: ConfiguredModel,
  listed: ListedModel | undefined,
): Omit<Offer, 'snapshot' | 'cost'> {
  const contextLength = model.context ?? listed?.contextLength;
  return {
    provider: source.id,
    upstream: source.upstream,
    breaker: source.breaker,
    belowCost: source.belowCost,
    trust: source.trust,
    upstreamModel: model.upstreamId,
    contextLength,
    maxOutput: model.maxOutput ?? listed?.maxOutput,
    assumedMaxOutput: assumedMaxOutput(contextLength),
    maxOutputField: source.maxOutputField,
    allowRemoteImages: source.allowRemoteImages,
    firstByteTimeoutMs: source.timeouts.firstByteMs,
    answerTimeoutMs: source.timeouts.answerMs,
  };
}

function assumedMaxOutput(contextLength: number | undefined): number {
  if (contextLength === undefined) return UNKNOWN_MAX_OUTPUT;
  return Math.max(1, Math.min(LARGE_MAX_OUTPUT, Math.floor(contextLength / 2)));
}
