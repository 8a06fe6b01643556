import { LINK_RANKS } from '../market-node.ts';
import type { ModelShelf } from './model-shelf.ts';
import type { Claimant, Site } from './site-book.ts';
import { linkOf, newRecord } from './site-record.ts';
import type { NodeFindings } from './watched-node.ts';

/** The best of the sites that a node claims; undefined where it has none. Of equal ones the first. */
export function bestSite({ node, sites }: Claimant, nowMs: number): Site | undefined {
  let best: Site | undefined;
  let bestRank = Infinity;
  for (const site of sites) {
    const rank = LINK_RANKS[linkOf(site.record, node, nowMs)];
    if (rank >= bestRank) continue;
    best = site;
    bestRank = rank;
  }
  return best;
}

/** What is known of a node. What a site says of itself is left out where it belongs to another key. */
export function findingsOf(claimant: Claimant, shelf: ModelShelf, nowMs: number): NodeFindings {
  const { node } = claimant;
  const record = bestSite(claimant, nowMs)?.record ?? newRecord(node.urls[0] ?? '', nowMs);
  const link = linkOf(record, node, nowMs);
  const isOwn = link !== 'conflict';
  const list = isOwn ? shelf.get(record.url) : undefined;
  return {
    url: record.url,
    link,
    mints: isOwn ? record.mints : undefined,
    version: isOwn ? record.version : undefined,
    health: {
      latencyMs: record.latencyMs,
      answeredAtMs: record.answeredAtMs,
      failures: record.failures,
      checkedAtMs: record.checkedAtMs,
    },
    models: list?.models,
    modelsAtMs: list?.atMs ?? 0,
  };
}
