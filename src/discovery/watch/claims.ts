import type { SiteRecord } from './site-record.ts';
import type { NodeFindings, WatchedNode } from './watched-node.ts';

/** One URL, however many nodes claim it. */
export interface Site {
  record: SiteRecord;
  readonly claimants: Set<Claimant>;
  /** When it is asked next; Infinity while it is. */
  dueAtMs: number;
  modelsDueAtMs: number;
  modelsFailures: number;
  /** Last time that somebody wanted to buy there. */
  wantedAtMs: number;
  /** Last time that a request went there. */
  usedAtMs: number;
}

/** A watched node with the sites that it claims. */
export interface Claimant {
  node: WatchedNode;
  sites: readonly Site[];
  /** Made when asked for, gone when a site changes. */
  findings: NodeFindings | undefined;
}

/** Who claims which URL. */
export interface Claims {
  /** Takes over the whole set of nodes; what did not change costs a look-up. */
  set(nodes: readonly WatchedNode[]): void;
  find(pubkey: string, d: string): Claimant | undefined;
  /** All nodes of a key. */
  of(pubkey: string): readonly Claimant[];
  /** All sites that are claimed. */
  sites(): IterableIterator<Site>;
  /** The site of a URL that is claimed. */
  site(url: string): Site | undefined;
}

export interface ClaimsOptions {
  readonly open: (url: string) => Site;
  /** Nobody claims it any more. */
  readonly closed: (site: Site) => void;
  /** A node that claims it was announced anew. */
  readonly announced: (site: Site) => void;
  /** While it names no key, it now belongs to another one. */
  readonly handedOver: (site: Site, before: SiteRecord) => void;
}

const MAX_NODES = 20_000;
const MAX_SITES = 30_000;
const MAX_URLS = 8;

export function createClaims(options: ClaimsOptions): Claims {
  const sites = new Map<string, Site>();
  let byKey = new Map<string, Claimant[]>();

  /** Undefined: there are too many. */
  function siteOf(url: string): Site | undefined {
    const known = sites.get(url);
    if (known !== undefined || sites.size >= MAX_SITES) return known;
    const site = options.open(url);
    sites.set(url, site);
    return site;
  }

  function claim(claimant: Claimant, touched: Set<Site>): void {
    const urls = claimant.node.urls.slice(0, MAX_URLS);
    claimant.sites = urls.map(siteOf).filter((site) => site !== undefined);
    for (const site of claimant.sites) {
      site.claimants.add(claimant);
      touched.add(site);
    }
  }

  function disclaim(claimant: Claimant, touched: Set<Site>): void {
    for (const site of claimant.sites) {
      site.claimants.delete(claimant);
      touched.add(site);
    }
  }

  function update(claimant: Claimant, node: WatchedNode, touched: Set<Site>): void {
    const before = claimant.node;
    claimant.node = node;
    if (!sameUrls(before.urls, node.urls)) {
      disclaim(claimant, touched);
      claim(claimant, touched);
      claimant.findings = undefined;
    }
    if (before.announcedAt !== node.announcedAt) claimant.sites.forEach(options.announced);
  }

  function settle(site: Site): void {
    if (site.claimants.size > 0) {
      const before = site.record;
      const holder = holderOf(site);
      if (holder === before.holder) return;
      site.record = { ...before, holder };
      if (before.holder !== undefined) options.handedOver(site, before);
      return;
    }
    sites.delete(site.record.url);
    options.closed(site);
  }

  return {
    set(nodes) {
      const touched = new Set<Site>();
      const before = byKey;
      byKey = new Map();
      for (const node of nodes.slice(0, MAX_NODES)) {
        const known = take(before, node);
        const claimant = known ?? { node, sites: [], findings: undefined };
        if (known === undefined) claim(claimant, touched);
        else update(claimant, node, touched);
        const own = byKey.get(node.pubkey);
        if (own === undefined) byKey.set(node.pubkey, [claimant]);
        else own.push(claimant);
      }
      for (const gone of before.values()) gone.forEach((claimant) => disclaim(claimant, touched));
      touched.forEach(settle);
    },
    find: (pubkey, d) => byKey.get(pubkey)?.find(({ node }) => node.d === d),
    of: (pubkey) => byKey.get(pubkey) ?? [],
    sites: () => sites.values(),
    site: (url) => sites.get(url),
  };
}

/** Takes a node's claimant out of `from`: what is left there at the end is gone. */
function take(from: Map<string, Claimant[]>, { pubkey, d }: WatchedNode): Claimant | undefined {
  const own = from.get(pubkey);
  const index = own?.findIndex(({ node }) => node.d === d) ?? -1;
  return index === -1 ? undefined : own?.splice(index, 1)[0];
}

function sameUrls(one: readonly string[], other: readonly string[]): boolean {
  if (one === other) return true;
  return one.length === other.length && one.every((url, index) => url === other[index]);
}

/** Whoever held it, while he claims it; else the oldest announcer. An announcement's date proves nothing, the first sight does. */
function holderOf({ record, claimants }: Site): string | undefined {
  let oldest: WatchedNode | undefined;
  for (const { node } of claimants) {
    if (node.pubkey === record.holder) return record.holder;
    if (oldest === undefined || isOlder(node, oldest)) oldest = node;
  }
  return oldest?.pubkey;
}

function isOlder(one: WatchedNode, other: WatchedNode): boolean {
  if (one.announcedAt !== other.announcedAt) return one.announcedAt < other.announcedAt;
  return one.pubkey < other.pubkey;
}
