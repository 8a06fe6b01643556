import type { Log } from '../../lib/log.ts';
import { all, get, run } from '../../store/operation.ts';
import type { Operation } from '../../store/operation.ts';
import type { Store } from '../../store/store.ts';
import type { ModelList } from './model-shelf.ts';
import { SHELF_LIMITS } from './model-shelf.ts';
import { modelText, readModelText } from './model-text.ts';
import type { SiteRecord } from './site-record.ts';
import {
  DELETE_MODELS,
  FINDINGS,
  MODEL_URLS,
  MODELS,
  PURGE_FINDINGS,
  PURGE_MODELS,
  RENEW_MODELS,
  UPSERT_FINDING,
  UPSERT_MODELS,
} from './tables.ts';
import type { FindingRow } from './tables.ts';

/** What was found, on disk. Writing is put off and bundled: losing the last seconds costs a check. */
export interface SiteStore {
  /** Forgets what is too old or too much, and reads the rest, of model lists only which there are. */
  load(nowMs: number): Promise<Stored>;
  /** Only reads, for who looks on beside a running router; what is to be written afterwards is dropped. */
  recall(): Promise<Stored>;
  /** Takes about a millisecond of the event loop. Undefined: there is none, or none that can be read. */
  models(url: string): Promise<ModelList | undefined>;
  keep(record: SiteRecord): void;
  /** Undefined: the list is no longer held. */
  keepModels(url: string, list: ModelList | undefined): void;
  /** The list that is stored was said to be still so. */
  renewModels(url: string, atMs: number): void;
  /** Writes what is put off; what comes later is dropped. */
  close(): Promise<void>;
}

export interface Stored {
  readonly records: readonly SiteRecord[];
  /** The URLs whose model lists are stored, newest first. */
  readonly withModels: readonly string[];
}

const WRITE_DELAY_MS = 2000;
/** Bounds how long one operation blocks the event loop. */
const ROWS_PER_OPERATION = 200;
const MAX_ROWS = 30_000;
const FORGET_MS = 90 * 86_400_000;

export function createSiteStore(options: { readonly store: Store; readonly log: Log }): SiteStore {
  const { store, log } = options;
  let records = new Map<string, SiteRecord>();
  let lists = new Map<string, () => Operation<unknown>>();
  let timer: NodeJS.Timeout | undefined;
  let writing = Promise.resolve();
  let isClosed = false;

  function putOff(): void {
    timer ??= setTimeout(() => void flush(), WRITE_DELAY_MS);
  }

  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    writing = writing.then(write);
    return writing;
  }

  async function write(): Promise<void> {
    const rows = [...records.values()];
    const texts = [...lists.values()];
    records = new Map();
    lists = new Map();
    try {
      for (let at = 0; at < rows.length; at += ROWS_PER_OPERATION) {
        await store.write(() => upsert(rows.slice(at, at + ROWS_PER_OPERATION)));
      }
      for (const text of texts) await store.write(text);
    } catch (err) {
      log.error({ err }, 'what nodes answered could not be stored');
    }
  }

  return {
    async load(nowMs) {
      await store.write(() => purge(nowMs));
      return store.read(readStored);
    },
    recall() {
      isClosed = true;
      return store.read(readStored);
    },
    async models(url) {
      const row = await store.read(() => get(MODELS, url));
      const models = row === undefined ? undefined : readModelText(row.models);
      if (row === undefined || models === undefined) return undefined;
      return { models, etag: row.etag ?? undefined, atMs: Number(row.at_ms) };
    },
    keep(record) {
      if (isClosed) return;
      records.set(record.url, record);
      putOff();
    },
    keepModels(url, list) {
      if (isClosed) return;
      lists.set(url, () =>
        list === undefined
          ? run(DELETE_MODELS, url)
          : run(UPSERT_MODELS, url, BigInt(list.atMs), list.etag ?? null, modelText(list.models)),
      );
      putOff();
    },
    renewModels(url, atMs) {
      // A list that waits to be written is as new.
      if (isClosed || lists.has(url)) return;
      lists.set(url, () => run(RENEW_MODELS, BigInt(atMs), url));
      putOff();
    },
    close() {
      isClosed = true;
      return flush();
    },
  };
}

function* readStored(): Operation<Stored> {
  const rows = yield* all(FINDINGS, BigInt(MAX_ROWS));
  const urls = yield* all(MODEL_URLS, BigInt(SHELF_LIMITS.lists));
  return { records: rows.map(recordOf), withModels: urls.map(({ url }) => url) };
}

function* purge(nowMs: number): Operation<void> {
  yield* run(PURGE_FINDINGS, BigInt(nowMs - FORGET_MS), BigInt(MAX_ROWS));
  yield* run(PURGE_MODELS, BigInt(SHELF_LIMITS.lists));
}

function* upsert(records: readonly SiteRecord[]): Operation<void> {
  for (const record of records) {
    yield* run(
      UPSERT_FINDING,
      record.url,
      record.named,
      record.holder ?? null,
      record.mints?.join(' ') ?? null,
      record.version ?? null,
      record.latencyMs === undefined ? null : BigInt(Math.round(record.latencyMs)),
      BigInt(record.firstAtMs),
      BigInt(record.checkedAtMs),
      BigInt(record.answeredAtMs),
      BigInt(record.infoAtMs),
      BigInt(record.missingSinceMs),
      BigInt(record.failures),
    );
  }
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
