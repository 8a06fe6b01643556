import type { Clock } from '../lib/clock.ts';
import type { KnownNode } from './known-node.ts';
import type { Market } from './market.ts';
import type { Registry } from './registry/registry.ts';
import type { Scout } from './scout.ts';
import type { Trust } from './trust/trust.ts';
import type { Watch } from './watch/watch.ts';

export interface DiscoveryParts {
  readonly registry: Registry;
  readonly scout: Scout;
  readonly watch: Watch;
  readonly trust: Trust;
  readonly market: Market;
}

/** Keeps the market up to date with all that is told and found. */
export interface Upkeep {
  /** Tells the watch and the trust whom there is. */
  takeOver(): void;
  /** Brings it up to date now. */
  refresh(): void;
  start(): void;
  stop(): void;
}

export interface UpkeepOptions {
  readonly clock: Clock;
  /** Nodes of this key are left out. */
  readonly ownPubkey: string | undefined;
  readonly anchors: readonly { readonly pubkey: string; readonly mayBlock: boolean }[];
}

const DELAY_MS = 250;
/** With thousands of nodes a change takes a while: then it waits longer for others, to cost a small share of the time. */
const MAX_DELAY_MS = 2_000;
const SHARE = 0.02;
const TIDY_MS = 3_600_000;
/** A node that has answered before is remembered this long after its last answer. */
const REMEMBERED_MS = 90 * 24 * 3_600_000;

export function createUpkeep(
  parts: DiscoveryParts,
  options: UpkeepOptions,
  changed: () => void,
): Upkeep {
  const { registry, scout, watch, trust, market } = parts;
  let announced: unknown;
  let found: unknown;
  let aliases: unknown;
  let reviews: unknown;
  let warnings: unknown;
  let lastMs = 0;
  let delay: NodeJS.Timeout | undefined;
  let tidying: NodeJS.Timeout | undefined;
  let isStopped = false;

  const takeOver = (): void => {
    if (announced !== registry.announcements() || found !== scout.found()) {
      announced = registry.announcements();
      found = scout.found();
      const known = knownNodes(parts, options.ownPubkey);
      market.setKnown(known);
      watch.set(known.map(({ createdAt, ...node }) => ({ ...node, announcedAt: createdAt })));
    }
    if (reviews === registry.reviews() && warnings === registry.blacklisted()) return;
    reviews = registry.reviews();
    warnings = registry.blacklisted();
    trust.setReviews(registry.reviews(), blacklisted(registry, options.anchors));
  };
  const refresh = (): void => {
    clearTimeout(delay);
    delay = undefined;
    const began = performance.now();
    takeOver();
    const isRenamed = aliases !== registry.aliases();
    aliases = registry.aliases();
    if (market.refresh() || isRenamed) changed();
    lastMs = performance.now() - began;
  };
  const refreshSoon = (): void => {
    const delayMs = Math.min(MAX_DELAY_MS, Math.max(DELAY_MS, lastMs / SHARE));
    if (!isStopped) delay ??= setTimeout(refresh, delayMs);
  };
  const touch = (pubkey: string): void => {
    market.touch(pubkey);
    refreshSoon();
  };
  registry.onChange(() => {
    refreshSoon();
    if (registry.hints().length > 0) scout.hinted();
  });
  scout.onChange(refreshSoon);
  watch.onChange(touch);
  trust.onChange(touch);
  return {
    takeOver,
    refresh,
    start() {
      refresh();
      tidying = setInterval(() => tidy(parts, options.clock.now()), TIDY_MS).unref();
    },
    stop() {
      isStopped = true;
      clearTimeout(delay);
      clearInterval(tidying);
    },
  };
}

/** What is announced, and what directories led to where the key that it names announces it nowhere. */
function knownNodes(
  { registry, scout }: DiscoveryParts,
  ownPubkey: string | undefined,
): readonly KnownNode[] {
  const announced = registry.announcements();
  const found = scout.found();
  const claims = new Set(
    found.length === 0
      ? []
      : announced.flatMap(({ pubkey, urls }) => urls.map((url) => `${pubkey} ${url}`)),
  );
  const others = found.filter(({ told, d: url }) => !claims.has(`${told} ${url}`));
  return [
    ...announced.filter(({ pubkey }) => pubkey !== ownPubkey),
    ...others.filter(({ told }) => told !== ownPubkey),
  ];
}

function blacklisted(registry: Registry, anchors: UpkeepOptions['anchors']): readonly string[] {
  const lists = registry.blacklisted();
  return anchors.flatMap(({ pubkey, mayBlock }) => (mayBlock ? (lists.get(pubkey) ?? []) : []));
}

/** Addresses that were silent too long make room; if they are announced still, they come back as strangers. */
function tidy({ registry, scout, market }: DiscoveryParts, nowMs: number): void {
  for (const { pubkey, d, link, health } of market.nodes()) {
    if (link !== 'stale' || nowMs - health.answeredAtMs < REMEMBERED_MS) continue;
    registry.forget(pubkey, d);
    scout.forget(d);
  }
}
