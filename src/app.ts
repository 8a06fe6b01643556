import { createAnnouncing } from './app/announcing.ts';
import type { Announcing } from './app/announcing.ts';
import { createMarket } from './app/market.ts';
import type { Market } from './app/market.ts';
import { modelSource } from './app/model-source.ts';
import { createReadiness } from './app/readiness.ts';
import { configuredSource } from './app/sources.ts';
import type { Config } from './config.ts';
import { createGuard } from './discovery/guard/guard.ts';
import type { Guard } from './discovery/guard/guard.ts';
import type { Observation } from './discovery/standing.ts';
import type { NodeDescription } from './http/node-description.ts';
import { createServer } from './http/server.ts';
import { systemClock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import { openMoney } from './money.ts';
import type { Money, Seams } from './money.ts';
import { openIdentity } from './nostr/identity.ts';
import { npubOf } from './nostr/npub.ts';
import type { Signer } from './nostr/signer.ts';
import { fetchJson } from './rate/fetch-json.ts';
import { createRate } from './rate/rate.ts';
import type { Rate } from './rate/rate.ts';
import type { CatalogSource } from './router/catalog-source.ts';
import { createCatalog } from './router/catalog.ts';
import type { Catalog } from './router/catalog.ts';
import { complete } from './router/router.ts';
import { createRouting } from './router/routing.ts';
import { RELAY_LIMITS } from './router/work.ts';
import type { RouterParts } from './router/work.ts';
import { createTokenCounter } from './tokens/counter.ts';
import type { TokenCounter } from './tokens/counter.ts';
import { encodingFor } from './tokens/encoding.ts';
import { VERSION } from './version.ts';

/** A running router. */
export interface App {
  /** Where it listens. */
  readonly url: string;
  readonly money: Money;
  /** The nodes it finds and buys from; undefined where discovery is off. */
  readonly market: Market | undefined;
  /** Takes no new requests, lets running ones finish (30 s at most), settles everything and closes. Idempotent. */
  stop(): Promise<void>;
}

/** What is seen of a node, for those who judge it. */
type Observe = (node: string, observation: Observation) => void;

const DRAIN_MS = 30_000;

/** Opens the money, recovers what a crash left, learns prices and models, and listens. */
export async function startApp(config: Config, log: Log, seams: Seams = {}): Promise<App> {
  const guard = guardOf(config);
  const pool: Guard['pool'] = (origin, options) => guard.pool(origin, options);
  let market: Market | undefined;
  const observe: Observe = (node, observation) => market?.discovery.observe(node, observation);
  const money = await openMoney(config, log, {
    ...seams,
    observe,
    ...(config.discovery !== undefined && { pool }),
  });
  const recovered = await money.start();
  log.info({ event: 'recovered', ...recovered }, 'recovered what the last run left');
  const signer = await identityOf(config, log);
  market = marketOf({ config, guard, money, log, ownPubkey: signer?.pubkey });
  const configured = config.providers.map((provider) => {
    refuseOneself(provider.purchase?.pubkey, signer);
    return configuredSource(provider, { ...sourceParts(config, money), observe });
  });
  const { rate, catalog } = openCatalog(config, configured, market, log);
  const counter = createTokenCounter({
    onWorkerLost: (error) =>
      log.warn({ err: error }, 'the token counter died; the next count starts another'),
  });
  // Its vocabulary takes half a second to load: before a stream has to be metered.
  void counter.count([' ']);
  const parts = routerParts({ config, money, catalog, rate, counter, log });
  await rate.start();
  await market?.start();
  await catalog.start();
  const readiness = createReadiness({ money, catalog, market, log });
  const server = createServer({
    complete: (incoming, sink) => complete(parts, incoming, sink),
    models: modelSource(catalog, rate),
    wallet: money.cashu.api,
    providers: market?.discovery,
    node: describe(config, money, signer),
    reasons: () => readiness.reasons(),
    log,
  });
  const url = await server.listen(config.host, config.port);
  const announcing = await startAnnouncing({ config, money, signer, guard, catalog, market, log });
  market?.onChange(() => {
    catalog.reprice();
    announcing?.announcer.changed();
  });
  // What was found between the two.
  catalog.reprice();
  let stopped: Promise<void> | undefined;

  async function shutDown(): Promise<void> {
    readiness.stop();
    await announcing?.close();
    await server.drain(DRAIN_MS);
    catalog.stop();
    rate.stop();
    await counter.close();
    await market?.stop();
    await Promise.all(configured.map((source) => source.upstream.close()));
    await money.close();
    await guard.close();
    await signer?.close();
  }

  return {
    url,
    money,
    market,
    stop: () => (stopped ??= shutDown()),
  };
}

function routerParts(made: {
  readonly config: Config;
  readonly money: Money;
  readonly catalog: Catalog;
  readonly rate: Rate;
  readonly counter: TokenCounter;
  readonly log: Log;
}): RouterParts {
  const { config, money, catalog, rate, counter, log } = made;
  return {
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
}

function guardOf({ discovery }: Config): Guard {
  return createGuard({
    allowPrivate: discovery?.allowPrivateAddresses ?? false,
    socksProxy: discovery?.socksProxy,
  });
}

/** A key is needed by who announces itself, and by who must know its own announcement when it finds it. */
async function identityOf(
  { node, home, discovery }: Config,
  log: Log,
): Promise<Signer | undefined> {
  if (!node.announce && discovery === undefined && node.key === undefined) return undefined;
  const { key, keyPassphrase: passphrase } = node;
  return openIdentity({
    home,
    log,
    ...(key !== undefined && { key }),
    ...(passphrase !== undefined && { passphrase }),
  });
}

function marketOf(parts: {
  readonly config: Config;
  readonly guard: Guard;
  readonly money: Money;
  readonly ownPubkey: string | undefined;
  readonly log: Log;
}): Market | undefined {
  const { config, money } = parts;
  if (config.discovery === undefined) return undefined;
  return createMarket({
    ...parts,
    discovery: config.discovery,
    sourceParts: sourceParts(config, money),
  });
}

function refuseOneself(pubkey: string | undefined, signer: Signer | undefined): void {
  if (pubkey !== undefined && pubkey === signer?.pubkey)
    throw new Error('providers names this node itself: it would buy from itself for ever');
}

function sourceParts(config: Config, money: Money) {
  return { clock: systemClock, purchases: money.purchases, mints: config.mints };
}

function openCatalog(
  config: Config,
  configured: readonly CatalogSource[],
  market: Market | undefined,
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
  const none: ReadonlyMap<string, string> = new Map();
  const catalog = createCatalog({
    sources: () => [...configured, ...(market?.sources() ?? [])],
    aliases: () => market?.discovery.aliases() ?? none,
    usdPmsat,
    clock: systemClock,
    log,
  });
  return { rate, catalog };
}

function describe(config: Config, money: Money, signer: Signer | undefined): NodeDescription {
  const { name, about, url, onion } = config.node;
  return {
    name,
    about,
    version: VERSION,
    url,
    onion,
    npub: signer === undefined ? undefined : npubOf(signer.pubkey),
    mints: money.mints.all.map((mint) => mint.url),
  };
}

/** Relays are told only of a node that listens. */
async function startAnnouncing(parts: {
  readonly config: Config;
  readonly money: Money;
  readonly signer: Signer | undefined;
  readonly guard: Guard;
  readonly catalog: Catalog;
  readonly market: Market | undefined;
  readonly log: Log;
}): Promise<Announcing | undefined> {
  const { config, money, signer, guard, catalog, market, log } = parts;
  if (!config.node.announce || signer === undefined) return undefined;
  const announcing = await createAnnouncing({
    config,
    store: money.store,
    signer,
    guard,
    log,
    models: () => catalog.models(),
    reviewed: config.discovery?.publishReviews === true ? market?.discovery : undefined,
  });
  announcing.announcer.start();
  return announcing;
}
