import type { Config } from './config.ts';
import type { Provider } from './config/provider.ts';
import { createServer } from './http/server.ts';
import { systemClock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import { openMoney } from './money.ts';
import type { Money, Seams } from './money.ts';
import { fetchJson } from './rate/fetch-json.ts';
import { createRate } from './rate/rate.ts';
import type { Rate } from './rate/rate.ts';
import type { CatalogSource } from './router/catalog-source.ts';
import { createCatalog } from './router/catalog.ts';
import type { Catalog } from './router/catalog.ts';
import { modelItems } from './router/model-items.ts';
import { complete } from './router/router.ts';
import { createRouting } from './router/routing.ts';
import { RELAY_LIMITS } from './router/work.ts';
import type { RouterParts } from './router/work.ts';
import { createTokenCounter } from './tokens/counter.ts';
import { encodingFor } from './tokens/encoding.ts';
import { createBreaker } from './upstream/breaker.ts';
import { UPSTREAM_KINDS } from './upstream/kinds.ts';
import { VERSION } from './version.ts';

/** A running router. */
export interface App {
  /** Where it listens. */
  readonly url: string;
  /** Takes no new requests, lets running ones finish (30 s at most), settles everything and closes. Idempotent. */
  stop(): Promise<void>;
}

const DRAIN_MS = 30_000;

/** Opens the money, recovers what a crash left, learns prices and models, and listens. */
export async function startApp(config: Config, log: Log, seams: Seams = {}): Promise<App> {
  const money = await openMoney(config, log, seams);
  const recovered = await money.start();
  log.info({ event: 'recovered', ...recovered }, 'recovered what the last run left');
  const sources = config.providers.map(sourceOf);
  const { rate, catalog } = market(config, sources, log);
  const counter = createTokenCounter({
    onWorkerLost: (error) =>
      log.warn({ err: error }, 'the token counter died; the next count starts another'),
  });
  // Its vocabulary takes half a second to load: before a stream has to be metered.
  void counter.count([' ']);
  const parts: RouterParts = {
    catalog,
    countTokens: (texts, model, use) => counter.count(texts, encodingFor(model), use),
    floorOutputTokens: config.payment.floorOutputTokens,
    routing: createRouting({
      ...config.routing,
      clock: systemClock,
      usdPmsat: () => rate.current()?.usdPmsat,
    }),
    rails: [money.cashu],
    log,
    limits: RELAY_LIMITS,
  };
  await rate.start();
  await catalog.start();
  const server = createServer({
    complete: (incoming, sink) => complete(parts, incoming, sink),
    models: modelSource(catalog, rate),
    wallet: money.cashu.api,
    providers: undefined,
    node: {
      name: config.node.name,
      about: config.node.about,
      version: VERSION,
      url: config.node.url,
      onion: config.node.onion,
      npub: undefined,
      mints: money.mints.all.map((mint) => mint.url),
    },
    reasons: () => reasonsAgainst(money, catalog),
    log,
  });
  const url = await server.listen(config.host, config.port);
  let stopped: Promise<void> | undefined;

  async function shutDown(): Promise<void> {
    await server.drain(DRAIN_MS);
    catalog.stop();
    rate.stop();
    await counter.close();
    await Promise.all(sources.map((source) => source.upstream.close()));
    await money.close();
  }

  return {
    url,
    stop: () => (stopped ??= shutDown()),
  };
}

function market(
  config: Config,
  sources: readonly CatalogSource[],
  log: Log,
): { rate: Rate; catalog: Catalog } {
  const { usd } = config.bitcoin;
  const rate = createRate({
    source: usd === 'auto' ? 'auto' : { usd },
    fetchJson,
    clock: systemClock,
    log,
    onChange: () => catalog.reprice(),
  });
  const usdPmsat = (): bigint | undefined => rate.current()?.usdPmsat;
  const catalog = createCatalog({ sources: () => sources, usdPmsat, clock: systemClock, log });
  return { rate, catalog };
}

function sourceOf(provider: Provider): CatalogSource {
  const breaker = createBreaker({ clock: systemClock });
  const { timeouts, ...rest } = provider;
  const upstream = UPSTREAM_KINDS.openai.create({
    id: provider.id,
    baseUrl: provider.baseUrl,
    apiKey: provider.apiKey,
    onPayerGone: provider.onPayerGone,
    timeouts,
  });
  return { ...rest, timeouts, breaker, upstream, trust: 1 };
}

function modelSource(catalog: Catalog, rate: Rate) {
  const startedS = Math.floor(systemClock.now() / 1000);
  let listed: ReturnType<Catalog['models']> | undefined;
  let items: ReturnType<typeof modelItems> = [];
  return {
    items() {
      const models = catalog.models();
      if (models !== listed) {
        listed = models;
        items = modelItems(models, { usdPmsat: rate.current()?.usdPmsat, startedS });
      }
      return items;
    },
  };
}

/** Why paid requests cannot be taken now. */
function reasonsAgainst(money: Money, catalog: Catalog): readonly string[] {
  const reasons: string[] = [];
  if (money.mints.all.every((mint) => mint.away)) reasons.push('no mint can be reached');
  const isServing = catalog
    .models()
    .some((model) => model.offers.some((offer) => !offer.breaker.isResting));
  if (!isServing) reasons.push('no model is served: upstreams are down, or prices are not known');
  return reasons;
}
