import type { SiteRecord } from './site-record.ts';
import type { NodeFindings, WatchedNode } from './watched-node.ts';

/** One URL, however many nodes claim it. */
export interface Site {
  record: SiteRecord;
  /** Whose hosts share the checks that can wait. */
  readonly domain: string;
  readonly claimants: Set<Claimant>;
  /** When it is asked next; Infinity while it waits for that or is asked. */
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

/** The sites that are claimed, each once. */
export interface SiteBook {
  /** Gives a claimant the sites of its node's URLs, in place of those that it had. */
  claim(claimant: Claimant): void;
  disclaim(claimant: Claimant): void;
  /** After claims have changed: says whose the sites are now, and closes those that nobody claims. */
  settle(): void;
  all(): IterableIterator<Site>;
  get(url: string): Site | undefined;
}

export interface SiteBookOptions {
  readonly open: (url: string) => Site;
  /** Nobody claims it any more. */
  readonly closed: (site: Site) => void;
  /** It was held by another one. `before`: its record until now. */
  readonly handedOver: (site: Site, before: SiteRecord) => void;
}

/** Room for one site of every node (claims.ts), however many the others have. */
const MAX_SITES = 40_000;
/** While there are more, a node has but the first of its URLs watched. */
const MAX_SITES_WITH_MORE = 20_000;
const MAX_URLS = 8;

export function createSiteBook(options: SiteBookOptions): SiteBook {
  const sites = new Map<string, Site>();
  const touched = new Set<Site>();

  /** Undefined: there are too many. */
  function siteOf(url: string, rank: number): Site | undefined {
    const known = sites.get(url);
    const room = rank === 0 ? MAX_SITES : MAX_SITES_WITH_MORE;
    if (known !== undefined || sites.size >= room) return known;
    const site = options.open(url);
    sites.set(url, site);
    return site;
  }

  function disclaim(claimant: Claimant): void {
    for (const site of claimant.sites) {
      site.claimants.delete(claimant);
      touched.add(site);
    }
  }

  function settleOne(site: Site): void {
    const before = site.record;
    if (site.claimants.size === 0) {
      sites.delete(before.url);
      options.closed(site);
      return;
    }
    const holder = holderOf(site);
    if (holder === before.holder) return;
    site.record = { ...before, holder };
    if (before.holder !== undefined || before.infoAtMs > 0) options.handedOver(site, before);
  }

  return {
    claim(claimant) {
      disclaim(claimant);
      const urls = claimant.node.urls.slice(0, MAX_URLS);
      claimant.sites = urls.map(siteOf).filter((site) => site !== undefined);
      for (const site of claimant.sites) {
        site.claimants.add(claimant);
        touched.add(site);
      }
    },
    disclaim,
    settle() {
      touched.forEach(settleOne);
      touched.clear();
    },
    all: () => sites.values(),
    get: (url) => sites.get(url),
  };
}

/** Whoever held it, while he claims it; else the oldest announcer. An announcement's date proves nothing, the first sight does. */
function holderOf({ record, claimants }: Site): string | undefined {
  let oldest: WatchedNode | undefined;
  for (const { node } of claimants) {
    if (node.told !== undefined) continue;
    if (node.pubkey === record.holder) return record.holder;
    if (oldest === undefined || isOlder(node, oldest)) oldest = node;
  }
  return oldest?.pubkey;
}

function isOlder(one: WatchedNode, other: WatchedNode): boolean {
  if (one.announcedAt !== other.announcedAt) return one.announcedAt < other.announcedAt;
  return one.pubkey < other.pubkey;
}
