import type { Config } from '../config.ts';
import type { Announcer } from '../discovery/announce/announcer.ts';
import { createGuard } from '../discovery/guard/guard.ts';
import { systemClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { openMoney } from '../money.ts';
import { openIdentity } from '../nostr/identity.ts';
import { fetchJson } from '../rate/fetch-json.ts';
import { createRate } from '../rate/rate.ts';
import { createCatalog } from '../router/catalog.ts';
import { createAnnouncing } from './announcing.ts';
import { configuredSource } from './sources.ts';

/** What became of it, by relay. */
export type AnnounceReport = Awaited<ReturnType<Announcer['announceNow']>>;

/**
 * Runs `work` with the announcer of a node that is not running, and its own models and prices as of now. Rejects when the node
 * runs: its database is taken.
 */
export async function withAnnouncer<T>(
  config: Config,
  log: Log,
  work: (announcer: Announcer) => Promise<T>,
): Promise<T> {
  await using opened = new AsyncDisposableStack();
  const guard = createGuard({
    allowPrivate: config.discovery?.allowPrivateAddresses ?? false,
    socksProxy: config.discovery?.socksProxy,
  });
  opened.defer(() => guard.close());
  const money = await openMoney(config, log);
  opened.defer(() => money.close());
  const { home, node } = config;
  const signer = await openIdentity({
    home,
    log,
    ...(node.key !== undefined && { key: node.key }),
    ...(node.keyPassphrase !== undefined && { passphrase: node.keyPassphrase }),
  });
  opened.defer(() => signer.close());
  const sources = config.providers.map((provider) =>
    configuredSource(provider, {
      clock: systemClock,
      purchases: money.purchases,
      mints: config.mints,
      observe: () => undefined,
    }),
  );
  for (const { upstream } of sources) opened.defer(() => upstream.close());
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
  opened.defer(() => {
    catalog.stop();
    rate.stop();
  });
  await rate.start();
  await catalog.start();
  const models = () => catalog.models();
  const announcing = await createAnnouncing({
    config,
    store: money.store,
    signer,
    guard,
    log,
    models,
    reviewed: undefined,
  });
  opened.defer(() => announcing.close());
  return await work(announcing.announcer);
}
