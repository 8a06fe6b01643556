import type { DiscoveryParts } from './discovery-parts.ts';
import { hostOf } from './hosts.ts';
import type { MarketNode } from './market-node.ts';

export type TidyingParts = Pick<DiscoveryParts, 'registry' | 'scout' | 'market'>;

/** A node that has answered before is remembered this long after its last answer. */
const REMEMBERED_MS = 90 * 24 * 3_600_000;
const MAX_UNCHECKED_PER_HOST = 32;
const FAILURES = 2;

/**
 * What has expired, and addresses that were silent too long, make room. Where the room runs short, so do those that never were the
 * node they say they are: inventing them costs nothing, and they must not shut out who comes later. If they are announced still, they
 * come back as strangers.
 */
export function tidy({ registry, scout, market }: TidyingParts, nowMs: number): void {
  registry.tidy();
  const isInvented = registry.isCrowded() ? createSuspicion(registry.reviews()) : () => false;
  for (const node of market.nodes()) {
    if (!isForgotten(node, nowMs) && !isInvented(node)) continue;
    registry.forget(node.pubkey, node.d);
    scout.forget(node.d);
  }
}

function isForgotten({ link, health }: MarketNode, nowMs: number): boolean {
  return link === 'stale' && nowMs - health.answeredAtMs >= REMEMBERED_MS;
}

/** `known`: keys of which anchors speak. */
function createSuspicion(known: ReadonlyMap<string, unknown>): (node: MarketNode) => boolean {
  const unchecked = new Map<string, number>();
  return ({ pubkey, url, link, health }) => {
    if (known.has(pubkey)) return false;
    if (link === 'conflict') return true;
    if (link !== 'unchecked') return health.answeredAtMs === 0 && health.failures >= FAILURES;
    const count = (unchecked.get(hostOf(url)) ?? 0) + 1;
    unchecked.set(hostOf(url), count);
    return count > MAX_UNCHECKED_PER_HOST;
  };
}
