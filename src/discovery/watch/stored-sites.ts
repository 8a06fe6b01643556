import { setImmediate } from 'node:timers/promises';

import { all, get, run } from '../../store/operation.ts';
import type { Operation } from '../../store/operation.ts';
import type { Store } from '../../store/store.ts';
import type { ModelList } from './model-shelf.ts';
import { SHELF_LIMITS } from './model-shelf.ts';
import { readModelText } from './model-text.ts';
import type { SiteRecord } from './site-record.ts';
import {
  FINDING,
  FINDING_COUNT,
  FINDINGS_AFTER,
  MODEL_URLS,
  MODELS,
  PURGE_MODELS,
  PURGE_OLD_FINDINGS,
  PURGE_SURPLUS_FINDINGS,
  SELLERS,
} from './tables.ts';
import type { FindingRow } from './tables.ts';

/** What was found before, on disk. */
export interface StoredSites {
  /** The keys of the sites whose model lists are stored: those that can be bought from at once. */
  sellers(): Promise<ReadonlySet<string>>;
  /** Of these sites. */
  records(urls: readonly string[]): Promise<readonly SiteRecord[]>;
  /** Of all sites, a slice at a time: the event loop turns between two. */
  slices(): AsyncIterable<readonly SiteRecord[]>;
  /** The URLs whose model lists are stored, newest first. */
  withModels(): Promise<readonly string[]>;
  /** Takes about a millisecond of the event loop. Undefined: there is none, or none that can be read. */
  models(url: string): Promise<ModelList | undefined>;
  /** Forgets what is too old or too much. */
  purge(nowMs: number): Promise<void>;
}

const MAX_ROWS = 30_000;
/** About two milliseconds. */
const ROWS_PER_SLICE = 500;
const FORGET_MS = 90 * 86_400_000;

export function createStoredSites(store: Store): StoredSites {
  return {
    sellers: () => store.read(readSellers),
    records: (urls) => store.read(() => readRecords(urls)),
    slices: () => slices(store),
    async withModels() {
      const urls = await store.read(() => all(MODEL_URLS, BigInt(SHELF_LIMITS.lists)));
      return urls.map(({ url }) => url);
    },
    async models(url) {
      const row = await store.read(() => get(MODELS, url));
      const models = row === undefined ? undefined : readModelText(row.models);
      if (row === undefined || models === undefined) return undefined;
      return { models, etag: row.etag ?? undefined, atMs: Number(row.at_ms) };
    },
    purge: (nowMs) => store.write(() => purge(nowMs)),
  };
}

function* readSellers(): Operation<ReadonlySet<string>> {
  const rows = yield* all(SELLERS);
  return new Set(
    rows.flatMap(({ named, holder }) => [named, holder].filter((key) => key !== null)),
  );
}

function* readRecords(urls: readonly string[]): Operation<readonly SiteRecord[]> {
  const records: SiteRecord[] = [];
  for (const url of urls) {
    const row = yield* get(FINDING, url);
    if (row !== undefined) records.push(recordOf(row));
  }
  return records;
}

async function* slices(store: Store): AsyncGenerator<readonly SiteRecord[]> {
  let last: string | undefined = '';
  for (let read = 0; read < MAX_ROWS && last !== undefined; read += ROWS_PER_SLICE) {
    const after: string = last;
    const rows = await store.read(() => all(FINDINGS_AFTER, after, BigInt(ROWS_PER_SLICE)));
    yield rows.map(recordOf);
    await setImmediate();
    last = rows.at(-1)?.url;
  }
}

function* purge(nowMs: number): Operation<void> {
  yield* run(PURGE_OLD_FINDINGS, BigInt(nowMs - FORGET_MS));
  const counted = yield* get(FINDING_COUNT);
  // Looking for what is too much takes long.
  if ((counted?.count ?? 0n) > MAX_ROWS) yield* run(PURGE_SURPLUS_FINDINGS, BigInt(MAX_ROWS));
  yield* run(PURGE_MODELS, BigInt(SHELF_LIMITS.lists));
}

function recordOf(row: FindingRow): SiteRecord {
  return {
    url: row.url,
    named: row.named,
    holder: row.holder ?? undefined,
    mints: row.mints?.split(' '),
    version: row.version ?? undefined,
    latencyMs: row.latency_ms === null ? undefined : Number(row.latency_ms),
    firstAtMs: Number(row.first_at_ms),
    checkedAtMs: Number(row.checked_at_ms),
    answeredAtMs: Number(row.answered_at_ms),
    infoAtMs: Number(row.info_at_ms),
    missingSinceMs: Number(row.missing_since_ms),
    failures: Number(row.failures),
  };
}
