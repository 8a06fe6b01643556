import type { Link } from '../market-node.ts';
import type { NodeInfo } from './node-info.ts';
import type { WatchedNode } from './watched-node.ts';

/** What one announced URL has answered so far. Immutable; times in unix ms, 0 for never. */
export interface SiteRecord {
  readonly url: string;
  /** The key that its `/v1/info` names; null: it names none. Says nothing while `infoAtMs` is 0. */
  readonly named: string | null;
  /** The key that announced this URL first, of those that still do: whose it is while it names none. */
  readonly holder: string | undefined;
  readonly mints: readonly string[] | undefined;
  readonly version: string | undefined;
  readonly latencyMs: number | undefined;
  readonly firstAtMs: number;
  readonly checkedAtMs: number;
  readonly answeredAtMs: number;
  readonly infoAtMs: number;
  /** Since when something answers there that knows no `/v1/info`. */
  readonly missingSinceMs: number;
  /** In a row. */
  readonly failures: number;
}

const DAY_MS = 86_400_000;
/** One lost packet takes no node out of service. */
const FAILURES_TO_BE_DOWN = 2;
const MISSING_TO_BE_DOWN_MS = DAY_MS;
const STALE_MS = 14 * DAY_MS;
/** Weight of the newest time in the average. */
const LATENCY_WEIGHT = 0.3;

export function newRecord(url: string, nowMs: number): SiteRecord {
  return {
    url,
    named: null,
    holder: undefined,
    mints: undefined,
    version: undefined,
    latencyMs: undefined,
    firstAtMs: nowMs,
    checkedAtMs: 0,
    answeredAtMs: 0,
    infoAtMs: 0,
    missingSinceMs: 0,
    failures: 0,
  };
}

/** It answered a check; `info` undefined: with a demand for money (402), which says only that it lives. */
export function afterAnswer(
  record: SiteRecord,
  info: NodeInfo | undefined,
  times: { readonly nowMs: number; readonly latencyMs: number },
): SiteRecord {
  const { nowMs } = times;
  const told =
    info === undefined ? {} : { named: info.pubkey, mints: info.mints, version: info.version };
  return {
    ...record,
    ...told,
    latencyMs: average(record.latencyMs, times.latencyMs),
    checkedAtMs: nowMs,
    answeredAtMs: nowMs,
    infoAtMs: nowMs,
    missingSinceMs: 0,
    failures: 0,
  };
}

/** A check failed. `isMissing`: there is a server, but no `/v1/info` (404, 410). */
export function afterFailure(record: SiteRecord, isMissing: boolean, nowMs: number): SiteRecord {
  const missingSinceMs = record.missingSinceMs === 0 ? nowMs : record.missingSinceMs;
  return {
    ...record,
    checkedAtMs: nowMs,
    missingSinceMs: isMissing ? missingSinceMs : 0,
    failures: record.failures + 1,
  };
}

/** It answered a real request. */
export function afterTraffic(record: SiteRecord, nowMs: number): SiteRecord {
  return { ...record, answeredAtMs: nowMs, missingSinceMs: 0, failures: 0 };
}

/** It has been read and has not fallen silent since. */
export function isAlive(record: SiteRecord, nowMs: number): boolean {
  return record.infoAtMs > 0 && !isDown(record, nowMs);
}

/** What the site is to a node that claims it (nostr.md 4.4). Without an announcement, the key that it names links it to nobody. */
export function linkOf(
  record: SiteRecord,
  { pubkey, told }: Pick<WatchedNode, 'pubkey' | 'told'>,
  nowMs: number,
): Link {
  if (isDown(record, nowMs)) {
    const lastMs = Math.max(record.answeredAtMs, record.firstAtMs);
    return nowMs - lastMs >= STALE_MS ? 'stale' : 'down';
  }
  if (record.infoAtMs === 0) return 'unchecked';
  if (told !== undefined) return record.named === told ? 'unlinked' : 'conflict';
  if (record.named === null) return record.holder === pubkey ? 'unlinked' : 'conflict';
  return record.named === pubkey ? 'linked' : 'conflict';
}

function isDown(record: SiteRecord, nowMs: number): boolean {
  if (record.failures === 0) return false;
  if (record.answeredAtMs === 0) return true;
  if (record.missingSinceMs > 0) return nowMs - record.missingSinceMs >= MISSING_TO_BE_DOWN_MS;
  return record.failures >= FAILURES_TO_BE_DOWN;
}

function average(before: number | undefined, nowMs: number): number {
  return before === undefined ? nowMs : before + LATENCY_WEIGHT * (nowMs - before);
}
