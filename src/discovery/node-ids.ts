import { LINK_RANKS } from './market-node.ts';
import type { MarketNode } from './market-node.ts';

const KEY_CHARS = 12;

/** A URL without its scheme. */
export function plainId(url: string): string {
  return url.replace(/^https?:\/\//, '');
}

/**
 * Gives each node its id. `nodes` come in the order in which they were first seen, each with its plain id; of those that claim one
 * URL the rightful one keeps it (whose it is, it says itself; else the first one's), the others add the beginning of their key. A
 * key that announces one URL twice has one node there, its newest.
 */
export function withIds(nodes: readonly MarketNode[]): readonly MarketNode[] {
  const owners = new Map<string, MarketNode>();
  const isShared = nodes.some((node) => {
    const isTaken = owners.has(node.id);
    owners.set(node.id, node);
    return isTaken;
  });
  return isShared ? withDistinctIds(nodes) : nodes;
}

function withDistinctIds(nodes: readonly MarketNode[]): readonly MarketNode[] {
  const owners = new Map<string, MarketNode>();
  for (const node of nodes) {
    const owner = owners.get(node.id);
    if (owner === undefined || isBetter(node, owner)) owners.set(node.id, node);
  }
  const named = new Map<string, MarketNode>();
  for (const node of nodes) {
    const owner = owners.get(node.id);
    if (owner === node) named.set(node.id, node);
    if (owner === node || owner?.pubkey === node.pubkey) continue;
    const id = `${node.id}~${node.pubkey.slice(0, KEY_CHARS)}`;
    const other = named.get(id);
    if (other === undefined || isBetter(node, other)) named.set(id, { ...node, id });
  }
  return [...named.values()];
}

function isBetter(one: MarketNode, other: MarketNode): boolean {
  const byLink = LINK_RANKS[one.link] - LINK_RANKS[other.link];
  if (byLink !== 0) return byLink < 0;
  return one.pubkey === other.pubkey && one.announcedAt > other.announcedAt;
}
