import { ZERO_MSAT } from '../lib/amount.ts';
import type { Msat } from '../lib/amount.ts';
import type { ListedModel } from '../openai/model-list.ts';
import { modelName } from './aliases.ts';
import type { Mappings, ModelName } from './aliases.ts';
import type { CatalogFamilies, Listing } from './catalog-families.ts';
import type { CatalogSource } from './catalog-source.ts';
import { pricedModels } from './priced-models.ts';
import type { PricedModels } from './priced-models.ts';

/** All that prices depend on, at one time. */
export interface Prevailing {
  /** In the order of their importance; those beyond the first 500 are left out. */
  readonly sources: readonly CatalogSource[];
  readonly listOf: (source: CatalogSource) => readonly ListedModel[] | undefined;
  readonly mappings: Mappings;
  /** Pico-msat per US dollar; undefined while no rate is known. */
  readonly usdPmsat: bigint | undefined;
  readonly atMs: number;
}

/** The prices of all providers, each computed anew only when something changed that it depends on. */
export interface CatalogPrices {
  /** Brings `families` up to date and publishes it. One run at a time; pauses after each model. */
  update(now: Prevailing): Generator<void, void>;
  /** Some provider has a model of this base name that waits for an exchange rate. */
  isWaiting(name: ModelName): boolean;
  /** `provider/model` that an upstream of the operator offers and nobody tells a price of. */
  unpriced(): readonly string[];
}

const MAX_SOURCES = 500;
/** A provider's list beyond this is cut: one that we chose, and one that anybody may be. */
const MAX_MODELS = 5_000;
const MAX_MODELS_OF_STRANGERS = 1_000;
/** When very many providers change, some are seen before all are priced. */
const SOURCES_PER_PUBLICATION = 20;
/** Prices of the embedded list change by the day, some by the hour. */
const LIST_PRICE_MS = 3_600_000;
const NO_MAPPINGS: Mappings = new Map();

interface Known {
  source: CatalogSource;
  rank: number;
  basis: Basis;
  mappings: Mappings;
  readonly models: PricedModels;
  readonly waiting: ReadonlySet<string>;
}

/** What the prices of a source were made from, beside its own terms. */
interface Basis {
  readonly list: readonly ListedModel[] | undefined;
  readonly usdPmsat: bigint | undefined;
  readonly overhead: Msat;
  readonly hour: number;
}

export function createCatalogPrices(families: CatalogFamilies): CatalogPrices {
  const all = new Map<string, Known>();

  function forget(kept: ReadonlyMap<string, CatalogSource>): void {
    for (const id of all.keys()) {
      if (kept.has(id)) continue;
      all.delete(id);
      families.put(id, []);
    }
  }

  /** True when what it offers has changed. */
  function* renew(source: CatalogSource, rank: number, now: Prevailing): Generator<void, boolean> {
    const basis = basisOf(source, now);
    const { mappings } = now;
    let known = all.get(source.id);
    if (known !== undefined && isCurrent(known, source, basis)) {
      known.source = source;
      known.rank = rank;
      if (known.mappings === mappings) return false;
      known.mappings = mappings;
    } else {
      const models = yield* priced(source, basis, now.atMs);
      const waiting = new Set(models.waiting.map((id) => modelName(id, mappings).base));
      known = { source, rank, basis, mappings, models, waiting };
      all.set(source.id, known);
    }
    families.put(source.id, listingsOf(known));
    return true;
  }

  function* priced(
    source: CatalogSource,
    { list, usdPmsat, overhead }: Basis,
    atMs: number,
  ): Generator<void, PricedModels> {
    const max = source.listed === undefined ? MAX_MODELS : MAX_MODELS_OF_STRANGERS;
    return yield* pricedModels({
      source,
      list: list?.slice(0, max),
      usdPmsat,
      overhead,
      atMs,
      // As it is told now, which may not be by the source that the price was made for.
      trust: () => (all.get(source.id)?.source ?? source).trust,
    });
  }

  return {
    *update(now) {
      const sources = new Map<string, CatalogSource>();
      for (const source of now.sources.slice(0, MAX_SOURCES)) {
        if (!sources.has(source.id)) sources.set(source.id, source);
      }
      forget(sources);
      let unseen = 0;
      for (const [rank, source] of [...sources.values()].entries()) {
        yield;
        if (yield* renew(source, rank, now)) unseen += 1;
        if (unseen < SOURCES_PER_PUBLICATION) continue;
        unseen = 0;
        yield* families.publish();
      }
      yield* families.publish();
    },
    isWaiting: ({ base }) => [...all.values()].some(({ waiting }) => waiting.has(base)),
    unpriced: () =>
      [...all.values()]
        .filter(({ source }) => source.listed === undefined)
        .flatMap(({ source, models }) => models.unpriced.map((model) => `${source.id}/${model}`)),
  };
}

function basisOf(source: CatalogSource, { listOf, usdPmsat, atMs }: Prevailing): Basis {
  return {
    list: listOf(source),
    usdPmsat,
    overhead: source.upstream.buying?.overhead() ?? ZERO_MSAT,
    hour: source.listed === undefined ? Math.floor(atMs / LIST_PRICE_MS) : 0,
  };
}

function isCurrent(known: Known, source: CatalogSource, basis: Basis): boolean {
  const was = known.basis;
  return (
    haveSameTerms(known.source, source) &&
    was.list === basis.list &&
    was.overhead === basis.overhead &&
    was.hour === basis.hour &&
    (was.usdPmsat === basis.usdPmsat || !known.models.usesRate)
  );
}

const TERMS = [
  'baseUrl',
  'markup',
  'belowCost',
  'models',
  'price',
  'maxOutputField',
  'allowRemoteImages',
  'upstream',
  'breaker',
] as const satisfies readonly (keyof CatalogSource)[];

/** Nothing differs that an offer holds. Trust may: offers tell it as it is. */
function haveSameTerms(a: CatalogSource, b: CatalogSource): boolean {
  return (
    a === b ||
    (TERMS.every((term) => a[term] === b[term]) &&
      a.timeouts.firstByteMs === b.timeouts.firstByteMs &&
      a.timeouts.answerMs === b.timeouts.answerMs)
  );
}

function listingsOf(known: Known): readonly Listing[] {
  const { source, mappings, models } = known;
  const isConfigured = source.models !== '*';
  return models.priced.map(({ id, name, offer }) => ({
    name: modelName(id, isConfigured ? NO_MAPPINGS : mappings),
    title: name,
    provider: source.id,
    isConfigured,
    offer,
    rank: () => known.rank,
  }));
}
