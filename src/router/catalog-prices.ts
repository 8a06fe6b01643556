import { msat, ZERO_MSAT } from '../lib/amount.ts';
import type { Msat } from '../lib/amount.ts';
import { ceilDivide } from '../lib/decimal.ts';
import type { ListedModel } from '../openai/model-list.ts';
import { modelName } from './aliases.ts';
import type { Mappings, ModelName } from './aliases.ts';
import type { CatalogFamilies, Listing } from './catalog-families.ts';
import type { CatalogSource } from './catalog-source.ts';
import { pricedModels } from './priced-models.ts';
import type { Market, PricedModels } from './priced-models.ts';
import { TRUSTED } from './ranking.ts';

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
/** When very many providers change, so many are seen before all are priced; then twice as many, and so on. */
const FIRST_SOURCES = 16;
/** Prices of the embedded list change by the day, some by the hour. */
const LIST_PRICE_MS = 3_600_000;
const TRUST_STEPS = 20;
const NO_MAPPINGS: Mappings = new Map();

interface Known {
  readonly source: CatalogSource;
  readonly rank: number;
  readonly trust: number;
  readonly basis: Basis;
  readonly mappings: Mappings;
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
    const trust = inSteps(source.trust);
    const { mappings, atMs } = now;
    const known = all.get(source.id);
    if (known === undefined || !isCurrent(known, source, basis)) {
      const models = yield* pricedModels(marketOf(source, basis, atMs));
      const waiting = new Set(models.waiting.map((id) => modelName(id, mappings).base));
      all.set(source.id, { source, rank, trust, basis, mappings, models, waiting });
    } else {
      if (known.trust === trust && known.mappings === mappings && known.rank === rank) return false;
      const models = known.trust === trust ? known.models : withTrust(known.models, trust);
      all.set(source.id, { ...known, source, rank, trust, mappings, models });
    }
    families.put(source.id, listingsOf(all.get(source.id)));
    return true;
  }

  return {
    *update(now) {
      const sources = new Map<string, CatalogSource>();
      for (const source of now.sources.slice(0, MAX_SOURCES)) {
        if (!sources.has(source.id)) sources.set(source.id, source);
      }
      forget(sources);
      let unseen = 0;
      let toSee = FIRST_SOURCES;
      for (const [index, source] of [...sources.values()].entries()) {
        yield;
        const rank = source.listed === undefined ? index : MAX_SOURCES;
        if (yield* renew(source, rank, now)) unseen += 1;
        if (unseen < toSee) continue;
        unseen = 0;
        toSee *= 2;
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

function marketOf(
  source: CatalogSource,
  { list, usdPmsat, overhead }: Basis,
  atMs: number,
): Market {
  const max = source.listed === undefined ? MAX_MODELS : MAX_MODELS_OF_STRANGERS;
  const trust = inSteps(source.trust);
  return { source, list: list?.slice(0, max), usdPmsat, overhead, trust, atMs };
}

/** Or every answer of a provider would change all its offers a little. Rounded down, but some is never none. */
function inSteps(trust: number): number {
  return trust <= 0 ? 0 : Math.max(1, Math.floor(trust * TRUST_STEPS)) / TRUST_STEPS;
}

/** Or every purchase would change all prices of its node a little. Rounded up: we do not pay for it. */
function inTwoDigits(overhead: Msat): Msat {
  const step = 10n ** BigInt(Math.max(0, String(overhead).length - 2));
  return msat(ceilDivide(overhead, step) * step);
}

function withTrust(models: PricedModels, trust: number): PricedModels {
  const priced = models.priced.map(({ title, offer }) => ({ title, offer: { ...offer, trust } }));
  return { ...models, priced };
}

function basisOf(source: CatalogSource, { listOf, usdPmsat, atMs }: Prevailing): Basis {
  return {
    list: listOf(source),
    usdPmsat,
    overhead: inTwoDigits(source.upstream.buying?.overhead() ?? ZERO_MSAT),
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

/** Nothing differs that prices or offers depend on, but for trust. */
function haveSameTerms(a: CatalogSource, b: CatalogSource): boolean {
  return (
    a === b ||
    (TERMS.every((term) => a[term] === b[term]) &&
      a.timeouts.firstByteMs === b.timeouts.firstByteMs &&
      a.timeouts.answerMs === b.timeouts.answerMs)
  );
}

function listingsOf(known: Known | undefined): readonly Listing[] {
  if (known === undefined) return [];
  const { source, mappings, models, rank } = known;
  const isConfigured = source.models !== '*';
  return models.priced.map(({ title, offer }) => ({
    name: modelName(offer.snapshot.model, isConfigured ? NO_MAPPINGS : mappings),
    title,
    provider: source.id,
    isConfigured,
    isTrusted: offer.trust >= TRUSTED,
    offer,
    rank,
  }));
}
