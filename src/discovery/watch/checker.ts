import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Knocks } from '../knocks.ts';
import { createFairShare } from './fair-share.ts';
import type { ModelPulls } from './model-pulls.ts';
import { askInfo } from './node-probe.ts';
import type { InfoAnswer, NodeReader } from './node-probe.ts';
import { createProbeQueue } from './probe-queue.ts';
import { checkDelayMs } from './schedule.ts';
import type { Site } from './site-book.ts';
import { afterAnswer, afterFailure } from './site-record.ts';
import type { SiteRecord } from './site-record.ts';
import type { SiteStore } from './site-store.ts';

/** Asks sites who they are, a few at once, and sets when each is asked next. */
export interface Checker {
  /** Resolves when it was asked; then its models are pulled, where that is wanted and due. Undefined: too many wait. */
  check(site: Site, isUrgent: boolean): Promise<void> | undefined;
  /** Starts what is due: all that is wanted, and of the others a few. Meant to be called each second. */
  round(sites: Iterable<Site>): void;
  /** What is still answered counts no more. */
  stop(): void;
}

export interface CheckerOptions {
  readonly guard: NodeReader;
  readonly pulls: ModelPulls;
  readonly siteStore: SiteStore;
  readonly knocks: Knocks;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly onChecked: (site: Site, before: SiteRecord) => void;
}

/** With the pulls of model lists: 16. Made-up addresses, which hang longest, never take all places, nor do those that were bought from. */
const LIMITS = { running: 12, urgent: 10, background: 8, waiting: 1024 };
const WANTED_FOR_MS = 6 * 3_600_000;
const USED_FOR_MS = 5 * 60_000;
/** What fell due while the router was off is spread over this time. */
const CATCH_UP_MS = 30 * 60_000;
/** A host that was knocked at too often is left alone for so long. */
const LEFT_ALONE_MS = 3_600_000;

export function createChecker(options: CheckerOptions): Checker {
  const { guard, pulls, siteStore, knocks, clock, log, random } = options;
  const share = createFairShare();
  const queue = createProbeQueue(LIMITS);
  let isStopped = false;

  async function checkNow(site: Site): Promise<void> {
    const { url } = site.record;
    const startMs = clock.now();
    const answer = await askInfo(guard, url);
    if (isStopped) return;
    const nowMs = clock.now();
    const before = site.record;
    site.record = recordAfter(before, answer, { nowMs, latencyMs: nowMs - startMs });
    site.dueAtMs = nowMs + delayMs(site, nowMs, random);
    siteStore.keep(site.record);
    if (before.named === null && site.record.named !== null) knocks.welcome(url);
    if (answer.kind === 'failed') {
      log.debug({ event: 'node_check_failed', url, err: answer.why }, 'a node did not answer');
    }
    options.onChecked(site, before);
    if (isWanted(site, nowMs) && site.modelsDueAtMs <= nowMs) void pulls.pull(site);
  }

  function check(site: Site, isUrgent: boolean): Promise<void> | undefined {
    const done = queue.add(site.record.url, () => checkNow(site), isUrgent);
    if (done !== undefined) site.dueAtMs = Infinity;
    return done;
  }

  /** Nobody wants it. */
  function checkOther(site: Site, nowMs: number): void {
    if (site.record.named === null && !knocks.knock(site.record.url)) {
      site.dueAtMs = nowMs + LEFT_ALONE_MS;
      return;
    }
    const done = check(site, false);
    if (done !== undefined) share.began(site, nowMs, done);
  }

  return {
    check,
    round(sites) {
      const nowMs = clock.now();
      const others: Site[] = [];
      for (const site of sites) {
        const isDue = site.dueAtMs <= nowMs;
        if (!isWanted(site, nowMs)) {
          if (isDue) others.push(site);
        } else if (isDue) void check(site, true);
        else if (site.modelsDueAtMs <= nowMs) void pulls.pull(site);
      }
      for (const site of share.pick(others)) checkOther(site, nowMs);
    },
    stop() {
      isStopped = true;
      queue.clear();
    },
  };
}

/** Somebody wants to buy there. */
export function isWanted(site: Site, nowMs: number): boolean {
  return nowMs - site.wantedAtMs < WANTED_FOR_MS;
}

/** When a site is to be asked that has just come into view, be it new or known from before. */
export function firstDueAtMs(site: Site, nowMs: number, random: () => number): number {
  const { checkedAtMs } = site.record;
  if (checkedAtMs === 0) return nowMs;
  const dueAtMs = checkedAtMs + delayMs(site, nowMs, random);
  return dueAtMs > nowMs ? dueAtMs : nowMs + random() * CATCH_UP_MS;
}

function delayMs(site: Site, nowMs: number, random: () => number): number {
  const { record } = site;
  const need = {
    failures: record.failures,
    hasAnswered: record.answeredAtMs > 0,
    isUsed: nowMs - site.usedAtMs < USED_FOR_MS,
    isWanted: isWanted(site, nowMs),
  };
  return checkDelayMs(need, random());
}

function recordAfter(
  record: SiteRecord,
  answer: InfoAnswer,
  times: { readonly nowMs: number; readonly latencyMs: number },
): SiteRecord {
  switch (answer.kind) {
    case 'answered':
      return afterAnswer(record, answer.info, times);
    case 'missing':
      return afterFailure(record, true, times.nowMs);
    case 'failed':
      return afterFailure(record, false, times.nowMs);
    default:
      return answer satisfies never;
  }
}
