import { createAnnouncing } from './app/announcing.ts';
import type { Announcing } from './app/announcing.ts';
import type { Dealings } from './app/dealings.ts';
import type { Market } from './app/market.ts';
import { modelSource } from './app/model-source.ts';
import { createReadiness } from './app/readiness.ts';
import { openShop } from './app/shop.ts';
import type { Shop } from './app/shop.ts';
import type { Config } from './config.ts';
import type { NodeDescription } from './http/node-description.ts';
import { createServer } from './http/server.ts';
import { systemClock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import type { Money, Seams } from './money.ts';
import { npubOf } from './nostr/npub.ts';
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
  /** What it met with those it buys from. */
  readonly dealings: Dealings;
  /** Takes no new requests, lets running ones finish (30 s at most), settles everything and closes. Idempotent. */
  stop(): Promise<void>;
}

const DRAIN_MS = 30_000;

/** Opens the money, recovers what a crash left, learns prices and models, and listens. Closes all again where that fails. */
export async function startApp(config: Config, log: Log, seams: Seams = {}): Promise<App> {
  await using closing = new AsyncDisposableStack();
  const announces = config.node.announce;
  const shop = await openShop(config, { ...seams, log, closing, announces });
  const { money, market, catalog, rate } = shop;
  const recovered = await money.start();
  log.info({ event: 'recovered', ...recovered }, 'recovered what the last run left');
  const counter = createTokenCounter({
    onWorkerLost: (error) =>
      log.warn({ err: error }, 'the token counter died; the next count starts another'),
  });
  closing.defer(() => counter.close());
  // Its vocabulary takes half a second to load: before a stream has to be metered.
  void counter.count([' ']);
  const parts = routerParts({ config, shop, counter, log });
  await rate.start();
  await market?.start();
  await catalog.start();
  const readiness = createReadiness({ money, catalog, market, log });
  closing.defer(() => readiness.stop());
  const server = createServer({
    complete: (incoming, sink) => complete(parts, incoming, sink),
    models: modelSource(catalog, rate),
    wallet: money.cashu.api,
    providers: market?.discovery,
    node: describe(config, shop),
    reasons: () => readiness.reasons(),
    log,
  });
  closing.defer(() => server.drain(DRAIN_MS));
  const url = await server.listen(config.host, config.port);
  const announcing = await startAnnouncing(config, shop, log);
  closing.defer(() => announcing?.close());
  market?.onChange(() => {
    catalog.reprice();
    announcing?.announcer.changed();
  });
  // What was found between the two.
  catalog.reprice();
  const running = closing.move();
  let stopped: Promise<void> | undefined;
  return {
    url,
    money,
    market,
    dealings: shop.dealings,
    stop: () => (stopped ??= running.disposeAsync()),
  };
}

function routerParts(made: {
  readonly config: Config;
  readonly shop: Shop;
  readonly counter: TokenCounter;
  readonly log: Log;
}): RouterParts {
  const { config, shop, counter, log } = made;
  const { catalog, rate, money } = shop;
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

function describe(config: Config, { money, signer }: Shop): NodeDescription {
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
async function startAnnouncing(
  config: Config,
  { money, signer, guard, catalog, market }: Shop,
  log: Log,
): Promise<Announcing | undefined> {
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
