import type { DiscoveryConfig } from '../config/discovery.ts';
import type { Provider } from '../config/provider.ts';
import type { Guard } from '../discovery/guard/guard.ts';
import type { MarketNode } from '../discovery/market-node.ts';
import type { Observation, Standing } from '../discovery/standing.ts';
import type { Msat } from '../lib/amount.ts';
import { msatOfSat, ZERO_MSAT } from '../lib/amount.ts';
import type { Clock } from '../lib/clock.ts';
import type { CatalogSource } from '../router/catalog-source.ts';
import { createBreaker } from '../upstream/breaker.ts';
import { UPSTREAM_KINDS } from '../upstream/kinds.ts';
import type { Purchases } from '../upstream/routstr/purchases.ts';
import type { Upstream } from '../upstream/upstream.ts';

export interface SourceParts {
  readonly clock: Clock;
  readonly purchases: Purchases;
  /** The mints we have; a node's are not asked for a pinned node until its `/v1/info` told them. */
  readonly mints: readonly string[];
  readonly observe: (node: string, observation: Observation) => void;
}

export interface ConfiguredParts extends SourceParts {
  /** Whether nothing more may be bought from a node, whatever its entry says. */
  readonly isShunned: (node: string) => boolean;
}

/** Routers that one request may pass. */
const MAX_HOPS = 2;
/** Of a found node; a configured one has its own. */
const TIMEOUTS = { connectMs: 5_000, firstByteMs: 60_000, answerMs: 600_000, idleMs: 120_000 };

/** Key of its money in tables and books. */
export function nodeOf({ baseUrl, purchase }: Pick<Provider, 'baseUrl' | 'purchase'>): string {
  return purchase?.pubkey ?? new URL(baseUrl).origin;
}

/** An entry of `providers`, with its live upstream. */
export function configuredSource(provider: Provider, parts: ConfiguredParts): CatalogSource {
  const { purchase, timeouts, ...terms } = provider;
  const breaker = createBreaker({ clock: parts.clock });
  const { id, baseUrl, apiKey, onPayerGone } = provider;
  const options = { id, baseUrl, apiKey, onPayerGone, timeouts };
  if (purchase === undefined) {
    const upstream = UPSTREAM_KINDS.openai.create(options);
    return { ...terms, timeouts, breaker, upstream, trust: 1 };
  }
  const node = nodeOf(provider);
  const cap = msatOfSat(BigInt(purchase.capSat));
  const upstream = UPSTREAM_KINDS.routstr.create({
    ...options,
    node,
    mints: () => parts.mints,
    capMsat: () => (parts.isShunned(node) ? ZERO_MSAT : cap),
    buy: purchase.buy,
    purchases: parts.purchases,
    observe: (observation) => parts.observe(node, observation),
    maxHops: MAX_HOPS,
  });
  return { ...terms, timeouts, breaker, upstream, trust: 1 };
}

export interface NodeSourceParts extends SourceParts {
  readonly discovery: DiscoveryConfig;
  readonly guard: Guard;
  readonly standing: (pubkey: string) => Standing;
  readonly capOf: (pubkey: string) => Msat;
  /** The node as it is known now. */
  readonly current: (pubkey: string, d: string) => MarketNode | undefined;
}

/** A found node with its live upstream. What changes about it is asked anew each time. */
export function nodeSource(node: MarketNode, parts: NodeSourceParts): CatalogSource {
  const { pubkey, d } = node;
  const { discovery, guard } = parts;
  const upstream: Upstream = UPSTREAM_KINDS.routstr.create({
    id: node.id,
    baseUrl: node.url,
    onPayerGone: 'cancel',
    timeouts: TIMEOUTS,
    pool: (origin, pool) => guard.pool(origin, pool),
    node: pubkey,
    mints: () => parts.current(pubkey, d)?.mints ?? [],
    capMsat: () => parts.capOf(pubkey),
    buy: discovery.buy,
    purchases: parts.purchases,
    observe: (observation) => parts.observe(pubkey, observation),
    maxHops: MAX_HOPS,
    listed: (model) => parts.current(pubkey, d)?.models?.find(({ id }) => id === model),
  });
  return {
    id: node.id,
    baseUrl: node.url,
    markup: discovery.markup,
    belowCost: discovery.belowCost,
    get trust() {
      return parts.standing(pubkey).weight;
    },
    models: '*',
    price: undefined,
    maxOutputField: 'max_tokens',
    allowRemoteImages: false,
    timeouts: TIMEOUTS,
    listed: () => parts.current(pubkey, d)?.models,
    upstream,
    breaker: createBreaker({ clock: parts.clock }),
  };
}
