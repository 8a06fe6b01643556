import type { Msat } from '../lib/amount.ts';
import type { ListedModel } from '../openai/model-list.ts';
import { exactPriceOf } from '../pricing/charge.ts';
import { dearestUsage } from '../pricing/create-quote.ts';
import { listPrice } from '../pricing/list.ts';
import { priceOf, withPurchase } from '../pricing/price-list.ts';
import type { PriceConfig } from '../pricing/price-list.ts';
import type { PriceSnapshot } from '../pricing/snapshot.ts';
import { PMSAT_PER_MSAT } from '../pricing/snapshot.ts';
import { upstreamPrice } from '../pricing/upstream-price.ts';
import type { CatalogSource, ConfiguredModel } from './catalog-source.ts';
import type { Offer } from './offer.ts';

/** What the prices of one provider are computed from. */
export interface Market {
  readonly source: CatalogSource;
  /** What its upstream lists. */
  readonly list: readonly ListedModel[] | undefined;
  /** Pico-msat per US dollar; undefined while no rate is known. */
  readonly usdPmsat: bigint | undefined;
  /** What it costs to buy an answer there, beside its price. */
  readonly overhead: Msat;
  readonly atMs: number;
  /** How far its operator is trusted. */
  readonly trust: number;
}

/** A model that has a price. */
export interface PricedModel {
  /** For people, where it is told. */
  readonly title: string | undefined;
  readonly offer: Offer;
}

export interface PricedModels {
  readonly priced: readonly PricedModel[];
  /** Ids of models that are served as soon as there is an exchange rate. */
  readonly waiting: readonly string[];
  /** Ids of models that nobody tells a price of. */
  readonly unpriced: readonly string[];
  /** Some price was made with the exchange rate, or waits for it. */
  readonly usesRate: boolean;
}

/** What we ask a provider for at most where its own limit is unknown: more than this, and old models refuse the request. */
const UNKNOWN_MAX_OUTPUT = 4_096;
/** The same where the context is known to be large. */
const LARGE_MAX_OUTPUT = 16_384;

/** More output than this no model gives; who says so would have us hold that much. */
const MAX_TOLD_OUTPUT = 262_144;

const ORDINARY = { input: 1_000, output: 500, images: 0 };

/** Prices every model of a provider; pauses after each. Reads only what it is given. */
export function* pricedModels(market: Market): Generator<void, PricedModels> {
  const listed = new Map(market.list?.map((model) => [model.id, model]));
  const priced: PricedModel[] = [];
  const waiting: string[] = [];
  const unpriced: string[] = [];
  let usesRate = false;
  for (const model of modelsOf(market.source, listed)) {
    yield;
    const told = listed.get(model.upstreamId);
    const price = priceConfigOf(market, model, told);
    if (price === undefined) {
      unpriced.push(model.id);
      continue;
    }
    usesRate ||= price.unit === 'usd';
    const prices = pricesOf(market, { model, price, told });
    if (prices === undefined) {
      waiting.push(model.id);
      continue;
    }
    const offer = offerOf(market, { model, told, prices });
    priced.push({ title: model.name ?? told?.name, offer });
  }
  return { priced, waiting, unpriced, usesRate };
}

function modelsOf(
  source: CatalogSource,
  listed: ReadonlyMap<string, ListedModel>,
): readonly ConfiguredModel[] {
  if (source.models !== '*') return source.models;
  return [...listed.values()].map(({ id, name, contextLength }) => ({
    id,
    upstreamId: id,
    name,
    context: contextLength,
    maxOutput: undefined,
    price: undefined,
  }));
}

function priceConfigOf(
  { source, atMs }: Market,
  model: ConfiguredModel,
  listed: ListedModel | undefined,
): PriceConfig | undefined {
  const price = model.price ?? source.price;
  if (price === 'list') {
    return listPrice({ model: model.upstreamId, baseUrl: source.baseUrl, atMs });
  }
  if (price !== undefined) return price;
  // A node that tells prices in sat charges these; those in USD are what they came to at its own rate.
  if (listed?.satPerToken !== undefined) return upstreamPrice(listed.satPerToken, 'sat');
  return listed?.usdPerToken === undefined ? undefined : upstreamPrice(listed.usdPerToken, 'usd');
}

interface Prices {
  readonly snapshot: PriceSnapshot;
  readonly cost: PriceSnapshot;
}

/** Undefined while the exchange rate is missing. */
function pricesOf(
  { source, usdPmsat, overhead }: Market,
  {
    model,
    price,
    told,
  }: {
    readonly model: ConfiguredModel;
    readonly price: PriceConfig;
    readonly told: ListedModel | undefined;
  },
): Prices | undefined {
  const terms = { model: model.id, provider: source.id, usdPmsat };
  const plain = priceOf(price, { ...terms, markup: '1' });
  const asked = source.markup === '1' ? plain : priceOf(price, { ...terms, markup: source.markup });
  const charged = chargedConfigOf(source, model, told);
  const cost = charged === undefined ? plain : priceOf(charged, { ...terms, markup: '1' });
  if (cost === 'no-rate' || asked === 'no-rate') return undefined;
  return { snapshot: withPurchase(asked, overhead), cost };
}

/** A node that tells prices in sat charges these, also where the operator wrote down others for payers. */
function chargedConfigOf(
  source: CatalogSource,
  model: ConfiguredModel,
  told: ListedModel | undefined,
): PriceConfig | undefined {
  const isWritten = (model.price ?? source.price) !== undefined;
  if (!isWritten || source.upstream.buying === undefined) return undefined;
  return told?.satPerToken === undefined ? undefined : upstreamPrice(told.satPerToken, 'sat');
}

function offerOf(
  { source, trust }: Market,
  {
    model,
    told,
    prices,
  }: {
    readonly model: ConfiguredModel;
    readonly told: ListedModel | undefined;
    readonly prices: Prices;
  },
): Offer {
  const contextLength = model.context ?? told?.contextLength;
  return {
    provider: source.id,
    upstream: source.upstream,
    breaker: source.breaker,
    ...prices,
    nominalMsat: nominalMsat(prices.snapshot),
    belowCost: source.belowCost,
    trust,
    upstreamModel: model.upstreamId,
    contextLength,
    maxOutput: model.maxOutput ?? toldMaxOutput(told),
    assumedMaxOutput: assumedMaxOutput(contextLength),
    maxOutputField: source.maxOutputField,
    allowRemoteImages: source.allowRemoteImages,
    firstByteTimeoutMs: source.timeouts.firstByteMs,
    answerTimeoutMs: source.timeouts.answerMs,
  };
}

function nominalMsat(snapshot: PriceSnapshot): number {
  const pmsat = exactPriceOf(snapshot, dearestUsage(snapshot, ORDINARY));
  return Number(pmsat) / Number(PMSAT_PER_MSAT);
}

function toldMaxOutput(told: ListedModel | undefined): number | undefined {
  if (told?.maxOutput === undefined) return undefined;
  return Math.min(told.maxOutput, told.contextLength ?? Infinity, MAX_TOLD_OUTPUT);
}

function assumedMaxOutput(contextLength: number | undefined): number {
  if (contextLength === undefined) return UNKNOWN_MAX_OUTPUT;
  return Math.max(1, Math.min(LARGE_MAX_OUTPUT, Math.floor(contextLength / 2)));
}
