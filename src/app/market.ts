import { join } from 'node:path';

import type { Config } from '../config.ts';
import type { DiscoveryConfig } from '../config/discovery.ts';
import { createDiscovery } from '../discovery/discovery.ts';
import type { Discovery } from '../discovery/discovery.ts';
import type { Guard } from '../discovery/guard/guard.ts';
import type { MarketNode } from '../discovery/market-node.ts';
import { systemClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Money } from '../money.ts';
import type { CatalogSource } from '../router/catalog-source.ts';
import { createExposure, overexposed } from './exposure.ts';
import { createNodeSources } from './node-sources.ts';
import { nodeOf, nodeSource } from './sources.ts';
import type { NodeSourceParts, SourceParts } from './sources.ts';

/** The nodes that are found and bought from. */
export interface Market {
  readonly discovery: Discovery;
  /** Nodes that may be bought from now; the same array until something changes. */
  sources(): readonly CatalogSource[];
  onChange(listener: () => void): void;
  /** Resolves when the stored registry is known: no relay is waited for. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface MarketParts {
  readonly config: Config;
  readonly discovery: DiscoveryConfig;
  /** The caller closes it. */
  readonly guard: Guard;
  readonly money: Money;
  readonly sourceParts: Omit<SourceParts, 'observe'>;
  readonly ownPubkey: string | undefined;
  readonly log: Log;
}

/** Nodes whose models are known at the same time; more would only fill the memory. */
const MAX_SOURCES = 300;
const FUNDING_DELAY_MS = 1_000;
/** Not at once: after a start it takes a moment until all is known of a node that is trusted. */
const EXCESS_MS = 60_000;
const TRUST_FILE = 'trust.json';

/** Where the operator's own decisions about nodes are kept. */
export function trustFileOf(config: Pick<Config, 'home'>): string {
  return join(config.home, TRUST_FILE);
}

export function createMarket(parts: MarketParts): Market {
  const { config, discovery: options, guard, money, log } = parts;
  const discovery = createDiscovery({
    ...options,
    store: money.store,
    clock: systemClock,
    log,
    guard,
    ownPubkey: parts.ownPubkey,
    trustFile: trustFileOf(config),
  });
  const shelf = createShelf(parts, discovery);
  let funding: NodeJS.Timeout | undefined;
  let excess: NodeJS.Timeout | undefined;
  return {
    discovery,
    sources: () => shelf.sources(),
    onChange: (listener) => shelf.onChange(listener),
    async start() {
      await discovery.start();
      shelf.refresh();
      discovery.onChange(() => shelf.refresh());
      excess = setInterval(() => shelf.recallExcess(), EXCESS_MS).unref();
      // Every paid request changes it; which mints are funded changes rarely.
      money.treasury.onChange(() => {
        funding ??= setTimeout(() => {
          funding = undefined;
          shelf.refresh();
        }, FUNDING_DELAY_MS).unref();
      });
    },
    async stop() {
      clearTimeout(funding);
      clearInterval(excess);
      await discovery.stop();
      await shelf.close();
    },
  };
}

interface Shelf extends Pick<Market, 'sources' | 'onChange'> {
  refresh(): void;
  /** Has money back from nodes that have more than they are trusted with now. */
  recallExcess(): void;
  close(): Promise<void>;
}

/** The nodes that can be bought from, each with one live upstream for as long as its address stays. */
function createShelf(parts: MarketParts, discovery: Discovery): Shelf {
  const { config, money, guard, discovery: options, log } = parts;
  const configured = configuredNodes(config);
  const recalled = new Set<string>();
  const { purchases } = parts.sourceParts;
  const listeners: (() => void)[] = [];
  let listed: readonly CatalogSource[] = [];
  let byAddress: ReadonlyMap<string, MarketNode> = new Map();

  const nodeParts: NodeSourceParts = {
    ...parts.sourceParts,
    discovery: options,
    guard,
    standing: (pubkey) => discovery.standing(pubkey),
    observe: (pubkey, observation) => discovery.observe(pubkey, observation),
    current: (pubkey, d) => byAddress.get(addressOf(pubkey, d)),
    capOf: createExposure(discovery, purchases, { ...options.caps, configured }),
  };

  const sources = createNodeSources((node) => nodeSource(node, nodeParts));

  /** The entry in `providers` is how the operator wants to buy there. */
  function isConfigured({ pubkey, urls }: MarketNode): boolean {
    return configured.has(pubkey) || urls.some((url) => configured.has(url));
  }

  function isFunded(node: MarketNode): boolean {
    return (
      purchases.riskOf(node.pubkey) > 0n ||
      node.mints.some((mint) => money.treasury.freeAt(mint) > 0n)
    );
  }

  function recall(node: string): void {
    if (configured.has(node) || recalled.has(node)) return;
    recalled.add(node);
    purchases
      .recall(node)
      .catch((error: unknown) => log.error({ err: error }, 'money could not be called back'))
      .finally(() => recalled.delete(node));
  }

  /** Whoever is trusted with nothing any more shall not keep what lies there until it is idle. */
  function recallFromBlocked(): void {
    for (const { pubkey, standing } of discovery.nodes())
      if (standing.capSat === 0 && purchases.riskOf(pubkey) > 0n) recall(pubkey);
  }

  function refresh(): void {
    byAddress = new Map(discovery.nodes().map((node) => [addressOf(node.pubkey, node.d), node]));
    const wanted = discovery
      .nodes()
      .filter((node) => mayBuy(node) && isFunded(node) && !isConfigured(node))
      .toSorted((a, b) => b.standing.weight - a.standing.weight)
      .slice(0, MAX_SOURCES);
    for (const node of wanted) discovery.want(node.pubkey);
    recallFromBlocked();
    listed = wanted.map((node) => sources.of(node));
    sources.keepOnly(new Set(wanted.map(({ id }) => id)));
    for (const listener of listeners) listener();
  }

  return {
    sources: () => listed,
    onChange(listener) {
      listeners.push(listener);
    },
    refresh,
    recallExcess() {
      for (const node of overexposed(discovery, purchases)) recall(node);
    },
    close: () => sources.close(),
  };
}

/** Keys and addresses of the nodes that `providers` names. */
export function configuredNodes({ providers }: Pick<Config, 'providers'>): ReadonlySet<string> {
  const nodes = providers.filter(({ kind }) => kind === 'routstr');
  return new Set(nodes.flatMap((provider) => [provider.baseUrl, nodeOf(provider)]));
}

function mayBuy({ link, standing }: MarketNode): boolean {
  return (link === 'linked' || link === 'unlinked') && standing.capSat > 0;
}

function addressOf(pubkey: string, d: string): string {
  return `${pubkey}:${d}`;
}
