import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Store } from '../../store/store.ts';
import type { Knocks } from '../knocks.ts';
import { createChecker, isWanted } from './checker.ts';
import type { Checker } from './checker.ts';
import { bestSite, findingsOf } from './findings.ts';
import { createModelPulls } from './model-pulls.ts';
import type { ModelPulls } from './model-pulls.ts';
import { createModelShelf } from './model-shelf.ts';
import type { ModelShelf } from './model-shelf.ts';
import type { NodeReader } from './node-probe.ts';
import { createRecollection } from './recollection.ts';
import type { Claimant, Site } from './site-book.ts';
import { afterTraffic } from './site-record.ts';
import { createSiteStore } from './site-store.ts';
import type { SiteStore } from './site-store.ts';
import { createStoredSites } from './stored-sites.ts';
import type { NodeFindings, WatchedNode } from './watched-node.ts';
import { createWatchedSites, hasten, MIN_GAP_MS } from './watched-sites.ts';
import type { WatchedSites } from './watched-sites.ts';

/** Asks announced nodes who they are, whether they live and what they sell (nostr.md 4.4, 4.5, 4.7). Holds nobody up. */
export interface Watch {
  /** Whom to watch; the first 20,000. */
  set(nodes: readonly WatchedNode[]): void;
  /** Before the first `set`: some of them. Until all are set, no URL is taken from the key that held it. */
  add(nodes: readonly WatchedNode[]): void;
  /** From memory; the same object until something changes. Undefined for a node that is not watched. */
  findings(pubkey: string, d: string): NodeFindings | undefined;
  /** Its models are wanted: asked for now, and anew every 10 minutes until 6 h after the last call. Cheap. */
  want(pubkey: string, d: string): void;
  /** Real traffic with a node: an answer counts as a check, a failure brings the next one forward. Cheap. */
  traffic(pubkey: string, isAnswered: boolean): void;
  /** Asks all its URLs now, and the best one for its models. Rejects with RangeError for a node that is not watched. */
  check(pubkey: string, d: string): Promise<NodeFindings>;
  /** Called for a node whose findings may have changed. */
  onChange(listener: (pubkey: string, d: string) => void): void;
  /** The keys of those whose models are stored: who can be bought from at once. */
  sellers(): Promise<ReadonlySet<string>>;
  /** Before `start`: loads what is stored of the nodes that were added, and the newest model lists. */
  warmUp(): Promise<void>;
  /**
   * Resolves when what is stored is loaded (of very many model lists the newest; the rest follows); then checks on its schedule.
   * Loads in slices: nothing stands still meanwhile.
   */
  start(): Promise<void>;
  /** Loads all that is stored, instead of `start`: nobody is asked, and nothing is written. */
  recall(): Promise<void>;
  /** Writes what is put off. Idempotent. */
  stop(): Promise<void>;
}

export interface WatchOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly guard: NodeReader;
  /** Shared with whoever else asks strangers' addresses. */
  readonly knocks: Knocks;
  /** In [0, 1). */
  readonly random?: () => number;
}

interface Parts {
  readonly sites: WatchedSites;
  readonly checker: Checker;
  readonly pulls: ModelPulls;
  readonly shelf: ModelShelf;
  readonly siteStore: SiteStore;
  readonly clock: Clock;
}

const ROUND_MS = 1000;
/** About a millisecond each: a start waits for no more. */
const LISTS_AT_START = 16;
/** No answer to a request tells who gave it: that is asked this often, however busy a node is. */
const MAX_INFO_AGE_MS = 6 * 3_600_000;
/** How often an answer is taken note of. */
const TRAFFIC_NOTED_MS = 10_000;
/** What a buyer is told must not be older. */
const WANTED_AGE_MS = 5 * 60_000;
const NOTHING = Promise.resolve();

export function createWatch(options: WatchOptions): Watch {
  const { clock, random = Math.random } = options;
  const shelf = createModelShelf();
  const siteStore = createSiteStore(options);
  const sites = createWatchedSites({ siteStore, clock, random });
  const stored = createStoredSites(options.store);
  const recollection = createRecollection({ stored, sites, shelf });
  const pulls = createModelPulls({
    ...options,
    shelf,
    siteStore,
    random,
    onPulled: (site) => sites.changed(site, site.record),
    onDropped: (url) => sites.changedUrl(url),
  });
  const checker = createChecker({
    ...options,
    siteStore,
    random,
    pulls,
    onChecked: (site, before) => sites.changed(site, before),
  });
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let loading = Promise.resolve();

  const round = (): void => checker.round(sites.sites());

  return {
    ...createNodeView({ sites, checker, pulls, shelf, siteStore, clock }),
    set: (nodes) => sites.set(nodes),
    add: (nodes) => sites.add(nodes),
    onChange: (listener) => sites.onChange(listener),
    sellers: () => stored.sellers(),
    async warmUp() {
      await recollection.claimed();
      await recollection.models(LISTS_AT_START);
    },
    async start() {
      await stored.purge(clock.now());
      await recollection.records();
      await recollection.models(LISTS_AT_START);
      if (isStopped) return;
      loading = recollection.models(Infinity);
      timer = setInterval(round, ROUND_MS);
    },
    async recall() {
      siteStore.freeze();
      await recollection.records();
      await recollection.models(Infinity);
    },
    async stop() {
      isStopped = true;
      clearInterval(timer);
      recollection.stop();
      checker.stop();
      pulls.stop();
      await loading;
      await siteStore.close();
    },
  };
}

/** What is asked of it for one node. */
function createNodeView(parts: Parts): Pick<Watch, 'findings' | 'want' | 'traffic' | 'check'> {
  const { sites, checker, pulls, shelf, siteStore, clock } = parts;

  function findings(claimant: Claimant): NodeFindings {
    claimant.findings ??= findingsOf(claimant, shelf, clock.now());
    return claimant.findings;
  }

  function answered(site: Site, nowMs: number): void {
    const before = site.record;
    if (before.failures === 0 && nowMs - before.answeredAtMs < TRAFFIC_NOTED_MS) return;
    site.record = afterTraffic(before, nowMs);
    siteStore.keep(site.record);
    const isKnown = nowMs - before.infoAtMs < MAX_INFO_AGE_MS;
    if (isKnown) site.dueAtMs = Math.max(site.dueAtMs, nowMs + MIN_GAP_MS);
    if (before.failures > 0) sites.changed(site, before);
    else for (const claimant of site.claimants) claimant.findings = undefined;
  }

  return {
    findings(pubkey, d) {
      const claimant = sites.find(pubkey, d);
      return claimant === undefined ? undefined : findings(claimant);
    },
    want(pubkey, d) {
      const claimant = sites.find(pubkey, d);
      const nowMs = clock.now();
      const site = claimant === undefined ? undefined : bestSite(claimant, nowMs);
      if (site === undefined) return;
      if (!isWanted(site, nowMs)) hasten(site, nowMs, WANTED_AGE_MS);
      site.wantedAtMs = nowMs;
      // Infinity: it may still be waiting among those that are not urgent.
      if (site.dueAtMs <= nowMs || site.dueAtMs === Infinity) void checker.check(site, true);
      if (site.modelsDueAtMs <= nowMs) void pulls.pull(site);
    },
    traffic(pubkey, isAnswered) {
      const nowMs = clock.now();
      for (const claimant of sites.of(pubkey)) {
        const site = bestSite(claimant, nowMs);
        if (site === undefined) continue;
        site.usedAtMs = nowMs;
        if (isAnswered) answered(site, nowMs);
        else hasten(site, nowMs, MIN_GAP_MS);
      }
    },
    async check(pubkey, d) {
      const claimant = sites.find(pubkey, d);
      if (claimant === undefined) throw new RangeError('this node is not watched');
      await Promise.all(claimant.sites.map((site) => checker.check(site, true) ?? NOTHING));
      const site = bestSite(claimant, clock.now());
      if (site !== undefined) await pulls.pull(site);
      return findings(claimant);
    },
  };
}
