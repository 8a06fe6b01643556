import type { Config } from '../config.ts';
import type { Announcer } from '../discovery/announce/announcer.ts';
import type { Log } from '../lib/log.ts';
import { createAnnouncing } from './announcing.ts';
import { openShop } from './shop.ts';

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
  await using closing = new AsyncDisposableStack();
  const shop = await openShop(config, { log, closing, announces: true });
  const { money, signer, guard, rate, catalog } = shop;
  if (signer === undefined) throw new Error('there is no key to announce with');
  await rate.start();
  await catalog.start();
  const announcing = await createAnnouncing({
    config,
    store: money.store,
    signer,
    guard,
    log,
    models: () => catalog.models(),
    reviewed: undefined,
  });
  closing.defer(() => announcing.close());
  return await work(announcing.announcer);
}
