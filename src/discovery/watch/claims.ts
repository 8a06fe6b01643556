import type { Claimant, Site, SiteBook } from './site-book.ts';
import type { WatchedNode } from './watched-node.ts';

/** The watched nodes. */
export interface Claims {
  /** Takes over the whole set of nodes; what did not change costs a look-up. */
  set(nodes: readonly WatchedNode[]): void;
  /** Some of them, before `set`: until then nothing is taken from who held it, for he may be among those that follow. */
  add(nodes: readonly WatchedNode[]): void;
  find(pubkey: string, d: string): Claimant | undefined;
  /** All nodes of a key. */
  of(pubkey: string): readonly Claimant[];
}

interface Entry extends Claimant {
  /** Which `set` named it last. */
  round: number;
}

const MAX_NODES = 20_000;

/** `announced`: a node that claims this site was announced anew. */
export function createClaims(book: SiteBook, announced: (site: Site) => void): Claims {
  const byKey = new Map<string, Entry[]>();
  let round = 0;

  function find(pubkey: string, d: string): Entry | undefined {
    return byKey.get(pubkey)?.find(({ node }) => node.d === d);
  }

  function add(node: WatchedNode): void {
    const entry: Entry = { node, sites: [], findings: undefined, round };
    const own = byKey.get(node.pubkey);
    if (own === undefined) byKey.set(node.pubkey, [entry]);
    else own.push(entry);
    book.claim(entry);
  }

  function update(entry: Entry, node: WatchedNode): void {
    const before = entry.node;
    entry.node = node;
    entry.round = round;
    if (!sameUrls(before.urls, node.urls)) {
      book.claim(entry);
      entry.findings = undefined;
    }
    if (before.announcedAt !== node.announcedAt) entry.sites.forEach(announced);
  }

  function take(nodes: readonly WatchedNode[]): void {
    for (const node of nodes) {
      const known = find(node.pubkey, node.d);
      if (known === undefined) add(node);
      else update(known, node);
    }
  }

  function dropUnnamed(): void {
    for (const [pubkey, own] of byKey) {
      const named = own.filter((entry) => entry.round === round);
      if (named.length === own.length) continue;
      for (const entry of own) if (entry.round !== round) book.disclaim(entry);
      if (named.length === 0) byKey.delete(pubkey);
      else byKey.set(pubkey, named);
    }
  }

  return {
    set(nodes) {
      round += 1;
      take(nodes.slice(0, MAX_NODES));
      dropUnnamed();
      book.settle();
    },
    add(nodes) {
      take(nodes.slice(0, MAX_NODES - byKey.size));
    },
    find,
    of: (pubkey) => byKey.get(pubkey) ?? [],
  };
}

function sameUrls(one: readonly string[], other: readonly string[]): boolean {
  if (one === other) return true;
  return one.length === other.length && one.every((url, index) => url === other[index]);
}
