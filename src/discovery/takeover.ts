import { setImmediate } from 'node:timers/promises';

import type { DiscoveryParts } from './discovery-parts.ts';
import type { KnownNode } from './known-node.ts';
import type { Registry } from './registry/registry.ts';
import type { WatchedNode } from './watch/watched-node.ts';

/** Tells the market, the watch and the trust whom there is and what is said of them. */
export interface Takeover {
  /** Before all is loaded: those that are known so far. */
  some(): void;
  /** All that is loaded, in slices. */
  inSlices(): Promise<void>;
  /** What changed since the last time; once all is loaded. */
  all(): void;
  /** What the anchors say, where that changed. */
  words(): void;
  stop(): void;
}

export interface TakeoverOptions {
  /** Nodes of this key are left out. */
  readonly ownPubkey: string | undefined;
  readonly anchors: readonly { readonly pubkey: string; readonly mayBlock: boolean }[];
}

/** Nodes in one turn of the event loop: some 10 ms. */
const SLICE = 1_000;

export function createTakeover(parts: DiscoveryParts, options: TakeoverOptions): Takeover {
  const { registry, scout, watch, trust, market } = parts;
  let announced: unknown;
  let found: unknown;
  let reviews: unknown;
  let warnings: unknown;
  let isStopped = false;

  const known = (): readonly KnownNode[] => {
    announced = registry.announcements();
    found = scout.found();
    return knownNodes(parts, options.ownPubkey);
  };
  return {
    some() {
      const some = known();
      market.setKnown(some);
      watch.add(some.map(toWatch));
    },
    async inSlices() {
      const all = known();
      for (let at = 0; at < all.length; at += SLICE) {
        watch.add(all.slice(at, at + SLICE).map(toWatch));
        await setImmediate();
        if (isStopped) return;
      }
      watch.set(all.map(toWatch));
      await setImmediate();
      market.setKnown(all);
      while (market.prepare(SLICE)) await setImmediate();
    },
    all() {
      if (announced === registry.announcements() && found === scout.found()) return;
      const all = known();
      market.setKnown(all);
      watch.set(all.map(toWatch));
    },
    words() {
      if (reviews === registry.reviews() && warnings === registry.blacklisted()) return;
      reviews = registry.reviews();
      warnings = registry.blacklisted();
      trust.setReviews(registry.reviews(), blacklisted(registry, options.anchors));
    },
    stop() {
      isStopped = true;
    },
  };
}

function toWatch({ createdAt, ...node }: KnownNode): WatchedNode {
  return { ...node, announcedAt: createdAt };
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

function blacklisted(registry: Registry, anchors: TakeoverOptions['anchors']): readonly string[] {
  const lists = registry.blacklisted();
  return anchors.flatMap(({ pubkey, mayBlock }) => (mayBlock ? (lists.get(pubkey) ?? []) : []));
}
