import type { Log } from '../../lib/log.ts';
import { run } from '../../store/operation.ts';
import type { Operation } from '../../store/operation.ts';
import type { Store } from '../../store/store.ts';
import type { ModelList } from './model-shelf.ts';
import { modelText } from './model-text.ts';
import type { SiteRecord } from './site-record.ts';
import { DELETE_MODELS, RENEW_MODELS, UPSERT_FINDING, UPSERT_MODELS } from './tables.ts';

/** Writes what was found, put off and bundled: losing the last seconds costs a check. */
export interface SiteStore {
  keep(record: SiteRecord): void;
  /** Undefined: the list is no longer held. */
  keepModels(url: string, list: ModelList | undefined): void;
  /** The list that is stored was said to be still so. */
  renewModels(url: string, atMs: number): void;
  /** What comes from now on is dropped: for who looks on beside a running router. */
  freeze(): void;
  /** Writes what is put off; what comes later is dropped. */
  close(): Promise<void>;
}

const WRITE_DELAY_MS = 2000;
/** Bounds how long one operation blocks the event loop. */
const ROWS_PER_OPERATION = 200;

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
    freeze() {
      isClosed = true;
    },
    close() {
      isClosed = true;
      return flush();
    },
  };
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
