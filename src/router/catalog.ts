import type { Clock } from '../lib/clock.ts';
import { RouterError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { ListedModel } from '../openai/model-list.ts';
import { UpstreamFailure } from '../upstream/upstream.ts';
import type { CatalogSource } from './catalog-source.ts';
import type { ServedModel } from './offer.ts';
import { pricedModels } from './priced-models.ts';
import type { PricedModels } from './priced-models.ts';

/** Which models are served, by whom, at what price. Held in memory only; requests see one state of it as a whole. */
export interface Catalog {
  /** Throws `model_not_found`, or `pricing_unavailable` while its price waits for an exchange rate. */
  find(model: string): ServedModel;
  /** What is served; the same array until something changes. */
  models(): readonly ServedModel[];
  /** Prices everything anew: to be called when the exchange rate changed. */
  reprice(): void;
  /** Reads the upstreams' own lists, then prices everything anew. Keeps the last list of an upstream that does not answer. */
  refresh(): Promise<void>;
  /** Refreshes now and from time to time. Resolves after the first time. */
  start(): Promise<void>;
  stop(): void;
}

export interface CatalogOptions {
  readonly sources: readonly CatalogSource[];
  /** Pico-msat per US dollar; undefined while no rate is known. */
  readonly usdPmsat: () => bigint | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

const REFRESH_MS = 600_000;
/** Sooner while an upstream's list is missing. */
const RETRY_MS = 15_000;
/** An upstream's list beyond this is cut. */
const MAX_LISTED = 5_000;
/** Lists may change for ever; the log need not tell all of it. */
const MAX_TOLD = 10_000;

export function createCatalog(options: CatalogOptions): Catalog {
  const { sources, clock, log } = options;
  const lists = new Map<string, readonly ListedModel[]>();
  const told = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let current: PricedModels = { served: new Map(), waiting: new Set(), unpriced: [] };
  let models: readonly ServedModel[] = [];

  function reprice(): void {
    const usdPmsat = options.usdPmsat();
    current = pricedModels({ sources, lists, usdPmsat, atMs: clock.now() });
    models = [...current.served.values()];
  }

  function tellUnpriced(): void {
    for (const model of current.unpriced) {
      if (told.has(model) || told.size >= MAX_TOLD) continue;
      told.add(model);
      log.warn({ model }, 'a model has no known price and is not served');
    }
  }

  async function readList(source: CatalogSource): Promise<void> {
    try {
      lists.set(source.id, (await source.upstream.models()).slice(0, MAX_LISTED));
    } catch (error) {
      if (!(error instanceof UpstreamFailure)) throw error;
      log.warn(
        { provider: source.id, failure: error.kind },
        'an upstream does not tell its models',
      );
    }
  }

  async function refresh(): Promise<void> {
    await Promise.all(sources.map(readList));
    reprice();
    tellUnpriced();
  }

  async function refreshAndPlan(): Promise<void> {
    await refresh();
    if (isStopped) return;
    const isMissing = sources.some(({ id, models }) => models === '*' && !lists.has(id));
    timer = setTimeout(() => void refreshAndPlan(), isMissing ? RETRY_MS : REFRESH_MS);
    timer.unref();
  }

  reprice();
  return {
    find(model) {
      const found = current.served.get(model);
      if (found !== undefined) return found;
      if (current.waiting.has(model)) {
        throw new RouterError('pricing_unavailable', 'The exchange rate is not known at present.');
      }
      throw new RouterError('model_not_found', `The model ${shown(model)} is not served here.`, {
        param: 'model',
      });
    },
    models: () => models,
    reprice,
    refresh,
    start: refreshAndPlan,
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

/** A name that a stranger chose, short enough for an error. */
function shown(model: string): string {
  return JSON.stringify(model.length > 100 ? `${model.slice(0, 100)}...` : model);
}
