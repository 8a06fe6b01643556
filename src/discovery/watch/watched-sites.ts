import type { Clock } from '../../lib/clock.ts';
import { domainOf } from '../hosts.ts';
import { firstDueAtMs } from './checker.ts';
import { createClaims } from './claims.ts';
import type { Claims } from './claims.ts';
import { createSiteBook } from './site-book.ts';
import type { Claimant, Site } from './site-book.ts';
import { linkOf, newRecord } from './site-record.ts';
import type { SiteRecord } from './site-record.ts';
import type { SiteStore } from './site-store.ts';

/** The watched nodes and their sites, what was known of sites that nobody claims now, and who wants to hear of changes. */
export interface WatchedSites extends Claims {
  /** All sites that are claimed. */
  sites(): IterableIterator<Site>;
  /** Takes over what is stored, of sites that have not been asked since. */
  recall(records: readonly SiteRecord[]): void;
  /** Something about a site changed: forgets findings that rest on it, and tells. `before`: its record until now. */
  changed(site: Site, before: SiteRecord): void;
  changedUrl(url: string): void;
  onChange(listener: (pubkey: string, d: string) => void): void;
}

export interface WatchedSitesOptions {
  readonly siteStore: SiteStore;
  readonly clock: Clock;
  readonly random: () => number;
}

/** However often a node is announced anew, or its requests fail. */
export const MIN_GAP_MS = 60_000;
const MAX_REMEMBERED = 30_000;

export function createWatchedSites(options: WatchedSitesOptions): WatchedSites {
  const { siteStore, clock, random } = options;
  const listeners: ((pubkey: string, d: string) => void)[] = [];
  /** Of URLs that nobody claims now. */
  const remembered = new Map<string, SiteRecord>();

  function tell({ node }: Claimant): void {
    for (const listener of listeners) listener(node.pubkey, node.d);
  }

  function changed(site: Site, before: SiteRecord): void {
    const nowMs = clock.now();
    for (const claimant of site.claimants) {
      claimant.findings = undefined;
      const link = linkOf(site.record, claimant.node, nowMs);
      // Thousands may claim one URL: most of them learn nothing new.
      if (link !== 'conflict' || link !== linkOf(before, claimant.node, nowMs)) tell(claimant);
    }
  }

  const book = createSiteBook({
    open(url) {
      const record = remembered.get(url) ?? newRecord(url, clock.now());
      remembered.delete(url);
      const site = newSite(record);
      site.dueAtMs = firstDueAtMs(site, clock.now(), random);
      return site;
    },
    closed({ record }) {
      const [oldest] = remembered.size >= MAX_REMEMBERED ? remembered.keys() : [];
      if (oldest !== undefined) remembered.delete(oldest);
      if (record.checkedAtMs > 0) remembered.set(record.url, record);
    },
    handedOver(site, before) {
      siteStore.keep(site.record);
      changed(site, before);
    },
  });
  const claims = createClaims(book, (site) => hasten(site, clock.now(), MIN_GAP_MS));
  let isWhole = false;

  function adopt(site: Site, stored: SiteRecord): void {
    const before = site.record;
    const isHeld =
      !isWhole || [...site.claimants].some(({ node }) => node.pubkey === stored.holder);
    site.record = { ...stored, holder: isHeld ? stored.holder : before.holder };
    site.dueAtMs = firstDueAtMs(site, clock.now(), random);
    changed(site, before);
  }

  return {
    ...claims,
    set(nodes) {
      isWhole = true;
      claims.set(nodes);
    },
    sites: () => book.all(),
    recall(records) {
      for (const record of records) {
        const site = book.get(record.url);
        if (site === undefined) remembered.set(record.url, record);
        else if (site.record.checkedAtMs === 0) adopt(site, record);
      }
    },
    changed,
    changedUrl(url) {
      const site = book.get(url);
      if (site !== undefined) changed(site, site.record);
    },
    onChange(listener) {
      listeners.push(listener);
    },
  };
}

/** Brings a check forward, but not before `gapMs` have passed since the last one. */
export function hasten(site: Site, nowMs: number, gapMs: number): void {
  // It is being asked.
  if (site.dueAtMs === Infinity) return;
  site.dueAtMs = Math.min(site.dueAtMs, Math.max(nowMs, site.record.checkedAtMs + gapMs));
}

function newSite(record: SiteRecord): Site {
  return {
    record,
    domain: domainOf(record.url),
    claimants: new Set<Claimant>(),
    dueAtMs: 0,
    modelsDueAtMs: 0,
    modelsFailures: 0,
    wantedAtMs: -Infinity,
    usedAtMs: -Infinity,
  };
}
