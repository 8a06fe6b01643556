import type { Clock } from '../lib/clock.ts';
import { RouterError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { rememberDearest } from '../pricing/dearest.ts';
import type { PriceSnapshot } from '../pricing/snapshot.ts';
import { modelName } from './aliases.ts';
import type { Mappings } from './aliases.ts';
import { createCatalogFamilies } from './catalog-families.ts';
import { createCatalogLists } from './catalog-lists.ts';
import { createCatalogPrices } from './catalog-prices.ts';
import type { Prevailing } from './catalog-prices.ts';
import type { CatalogSource } from './catalog-source.ts';
import { createSlicedWork } from './catalog-work.ts';
import type { Offer, ServedModel } from './offer.ts';

/** Which models are served, by whom, at what price. Held in memory only; requests see one state of it as a whole. */
export interface Catalog {
  /**
   * The model of this id, or the one that this is another spelling of. Throws `model_not_found`, or `pricing_unavailable` while
   * its price waits for an exchange rate.
   */
  find(model: string): ServedModel;
  /** What is served, configured models first; the same array until something changes. */
  models(): readonly ServedModel[];
  /**
   * Prices that none of these offers exceeds, at least one, under the name of `model`. The same object for the same prices: rails
   * remember it by identity.
   */
  dearest(model: ServedModel, offers: readonly Offer[]): PriceSnapshot;
  /**
   * Makes offers and prices anew where something changed that they depend on: to be called when sources, their lists, the mappings
   * or the exchange rate changed. A few hundred models are done when it returns, more a little later.
   */
  reprice(): void;
  /** Asks the upstreams for their own lists, then makes prices anew. Keeps the last list of an upstream that does not answer. */
  refresh(): Promise<void>;
  /** Refreshes now and from time to time, and follows what purchases cost. Resolves after the first time. */
  start(): Promise<void>;
  stop(): void;
}

export interface CatalogOptions {
  /** Who sells, in the order of importance. Asked at each change; unchanged sources are not priced again. */
  readonly sources: () => readonly CatalogSource[];
  /** What models are called elsewhere (kind 38426); the same map until it changes. Ids of configured models are not mapped. */
  readonly aliases?: (() => Mappings) | undefined;
  /** Pico-msat per US dollar; undefined while no rate is known. */
  readonly usdPmsat: () => bigint | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** How soon prices follow what it was found to cost to buy an answer. Default: 5 s. */
  readonly watchMs?: number | undefined;
}

const WATCH_MS = 5_000;
const REFRESH_MS = 600_000;
/** Sooner while an upstream's list is missing. */
const RETRY_MS = 15_000;
/** Lists may change for ever; the log need not tell all of it. */
const MAX_TOLD = 10_000;
/** Some ms of work between two turns of the event loop. */
const STEPS_PER_SLICE = 200;
/** No model's name is longer. */
const MAX_NAME_LENGTH = 200;
const NO_MAPPINGS: Mappings = new Map();

export function createCatalog(options: CatalogOptions): Catalog {
  const { sources, clock, log } = options;
  const lists = createCatalogLists(log);
  const families = createCatalogFamilies();
  const prices = createCatalogPrices(families);
  const dearest = rememberDearest();
  let timer: NodeJS.Timeout | undefined;
  let watch: NodeJS.Timeout | undefined;
  let isStopped = false;

  const tellUnpriced = createOnce((model) =>
    log.warn({ model }, 'a model has no known price and is not served'),
  );
  const mappings = (): Mappings => options.aliases?.() ?? NO_MAPPINGS;
  const prevailing = (): Prevailing => ({
    sources: sources(),
    listOf: (source) => lists.of(source),
    mappings: mappings(),
    usdPmsat: options.usdPmsat(),
    atMs: clock.now(),
  });
  const work = createSlicedWork(() => prices.update(prevailing()), STEPS_PER_SLICE);

  async function refresh(): Promise<void> {
    await lists.read(sources());
    work.run();
    await work.idle();
    for (const model of prices.unpriced()) tellUnpriced(model);
  }

  async function refreshAndPlan(): Promise<void> {
    await refresh();
    if (isStopped) return;
    const isMissing = sources().some((source) => lists.isMissing(source));
    timer = setTimeout(() => void refreshAndPlan(), isMissing ? RETRY_MS : REFRESH_MS);
    timer.unref();
  }

  work.run();
  return {
    find(model) {
      const served = families.get(model);
      if (served !== undefined) return served;
      if (model.length > MAX_NAME_LENGTH) throw notFound(model);
      const name = modelName(model, mappings());
      const found = families.find(name);
      if (found !== undefined) return found;
      if (prices.isWaiting(name)) {
        throw new RouterError('pricing_unavailable', 'The exchange rate is not known at present.');
      }
      throw notFound(model);
    },
    models: () => families.models(),
    dearest({ id }, [first, ...others]) {
      if (first === undefined) throw new RangeError('there is no price of no offers');
      return dearest(id, [first.snapshot, ...others.map(({ snapshot }) => snapshot)]);
    },
    reprice: () => work.run(),
    refresh,
    start() {
      // Nobody tells of it: it is learned with every purchase.
      watch = setInterval(() => work.run(), options.watchMs ?? WATCH_MS).unref();
      return refreshAndPlan();
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
      clearInterval(watch);
      work.stop();
    },
  };
}

/** `tell`, but for each text only the first time. */
function createOnce(tell: (text: string) => void): (text: string) => void {
  const told = new Set<string>();
  return (text) => {
    if (told.has(text) || told.size >= MAX_TOLD) return;
    told.add(text);
    tell(text);
  };
}

function notFound(model: string): RouterError {
  const message = `The model ${shown(model)} is not served here.`;
  return new RouterError('model_not_found', message, { param: 'model' });
}

/** A name that a stranger chose, short enough for an error. */
function shown(model: string): string {
  return JSON.stringify(model.length > 100 ? `${model.slice(0, 100)}...` : model);
}
