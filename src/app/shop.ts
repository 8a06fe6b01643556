import type { Config } from '../config.ts';
import { createGuard } from '../discovery/guard/guard.ts';
import type { Guard } from '../discovery/guard/guard.ts';
import { systemClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { openMoney } from '../money.ts';
import type { Money, Seams } from '../money.ts';
import { openIdentity } from '../nostr/identity.ts';
import type { Signer } from '../nostr/signer.ts';
import { fetchJson } from '../rate/fetch-json.ts';
import { createRate } from '../rate/rate.ts';
import type { Rate } from '../rate/rate.ts';
import type { CatalogSource } from '../router/catalog-source.ts';
import { createCatalog } from '../router/catalog.ts';
import type { Catalog } from '../router/catalog.ts';
import { openDealings } from './dealings.ts';
import type { Dealings } from './dealings.ts';
import { createMarket } from './market.ts';
import type { Market } from './market.ts';
import { configuredSource } from './sources.ts';

/** All that a node sells from: money, identity, upstreams, prices. Nothing runs yet, and nobody is asked. */
export interface Shop {
  readonly guard: Guard;
  readonly money: Money;
  /** Undefined where nobody needs to know who this is. */
  readonly signer: Signer | undefined;
  /** The nodes it finds and buys from; undefined where discovery is off. */
  readonly market: Market | undefined;
  readonly dealings: Dealings;
  readonly rate: Rate;
  readonly catalog: Catalog;
}

export interface ShopOptions extends Seams {
  readonly log: Log;
  /** Closes all that was opened, also where opening the rest failed. */
  readonly closing: AsyncDisposableStack;
  /** It is to be announced, or taken back: that needs a key. */
  readonly announces: boolean;
}

/** Rejects where the database is taken, and where the configuration names this node as its own provider. */
export async function openShop(config: Config, options: ShopOptions): Promise<Shop> {
  const { log, closing, announces, ...seams } = options;
  const { discovery } = config;
  const guard = createGuard({
    allowPrivate: discovery?.allowPrivateAddresses ?? false,
    socksProxy: discovery?.socksProxy,
  });
  closing.defer(() => guard.close());
  const pool: Guard['pool'] = (origin, terms) => guard.pool(origin, terms);
  const observe: Dealings['observe'] = (node, seen) => dealings.observe(node, seen);
  const money = await openMoney(config, log, {
    ...seams,
    observe,
    ...(discovery !== undefined && { pool }),
  });
  closing.defer(() => money.close());
  const needsKey = announces || discovery !== undefined || config.node.key !== undefined;
  const signer = needsKey ? await openSigner(config, log) : undefined;
  closing.defer(() => signer?.close());
  const sourceParts = { clock: systemClock, purchases: money.purchases, mints: config.mints };
  const ownPubkey = signer?.pubkey;
  const market =
    discovery && createMarket({ config, discovery, guard, money, sourceParts, ownPubkey, log });
  const dealings =
    market?.discovery ?? (await openDealings(config, { store: money.store, log, closing }));
  closing.defer(() => market?.stop());
  const parts = { ...sourceParts, observe, isShunned: (node: string) => dealings.isShunned(node) };
  const configured = config.providers.map((provider) => {
    refuseOneself(provider.purchase?.pubkey, ownPubkey);
    const source = configuredSource(provider, parts);
    closing.defer(() => source.upstream.close());
    return source;
  });
  const { rate, catalog } = openCatalog(config, { configured, market, log });
  closing.defer(() => {
    catalog.stop();
    rate.stop();
  });
  return { guard, money, signer, market, dealings, rate, catalog };
}

/** Whose announcements are its own, and who it is for others. */
function openSigner({ home, node }: Config, log: Log): Promise<Signer> {
  const { key, keyPassphrase: passphrase } = node;
  return openIdentity({
    home,
    log,
    ...(key !== undefined && { key }),
    ...(passphrase !== undefined && { passphrase }),
  });
}

function refuseOneself(pubkey: string | undefined, ownPubkey: string | undefined): void {
  if (pubkey !== undefined && pubkey === ownPubkey)
    throw new Error('providers names this node itself: it would buy from itself for ever');
}

function openCatalog(
  config: Config,
  parts: {
    readonly configured: readonly CatalogSource[];
    readonly market: Market | undefined;
    readonly log: Log;
  },
): { rate: Rate; catalog: Catalog } {
  const { configured, market, log } = parts;
  const { usd } = config.bitcoin;
  const rate = createRate({
    source: usd === 'auto' ? 'auto' : { usd },
    fetchJson,
    clock: systemClock,
    log,
    onChange: () => catalog.reprice(),
  });
  const none: ReadonlyMap<string, string> = new Map();
  const catalog = createCatalog({
    sources: () => [...configured, ...(market?.sources() ?? [])],
    aliases: () => market?.discovery.aliases() ?? none,
    usdPmsat: () => rate.current()?.usdPmsat,
    clock: systemClock,
    log,
  });
  return { rate, catalog };
}
