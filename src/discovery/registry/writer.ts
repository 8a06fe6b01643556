import type { Log } from '../../lib/log.ts';
import type { Operation } from '../../store/operation.ts';
import type { Store } from '../../store/store.ts';

/** Writes what relays tell, later and together: it can be asked for again, so it never waits for the disk. */
export interface Writer {
  /** The newest write for a row; an older one that still waits is dropped. */
  put(row: string, write: () => Operation<unknown>): void;
  /** Writes all that waits. */
  flush(): Promise<void>;
}

const DELAY_MS = 250;
/** A few milliseconds of the event loop. */
const MAX_ROWS_PER_OPERATION = 200;

export function createWriter(store: Store, log: Log): Writer {
  const waiting = new Map<string, () => Operation<unknown>>();
  let timer: NodeJS.Timeout | undefined;
  let writing = Promise.resolve();

  const writeAll = async (): Promise<void> => {
    while (waiting.size > 0) {
      const rows = [...waiting].slice(0, MAX_ROWS_PER_OPERATION);
      for (const [row] of rows) waiting.delete(row);
      await store.write(function* () {
        for (const [, write] of rows) yield* write();
      });
    }
  };
  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    writing = writing.then(writeAll).catch((cause: unknown) => {
      log.error({ event: 'registry_not_written', err: cause }, 'what relays told was not written');
    });
    return writing;
  };
  return {
    put(row, write) {
      waiting.set(row, write);
      timer ??= setTimeout(() => void flush(), DELAY_MS);
    },
    flush,
  };
}
