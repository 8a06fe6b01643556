import type { Database } from 'better-sqlite3';

import type { Durability, Schema } from './store.ts';

/** A commit that only the operating system holds reaches the disk after at most this long; promised is 1 s. */
const BARRIER_DELAY_MS = 700;

/** The row that is written where a commit must reach the disk: SQLite syncs no empty one. */
export const barrierSchema: Schema = {
  owner: 'store',
  migrations: [
    (ddl) => [
      ddl.table('store_barrier', [`turn ${ddl.integer} NOT NULL`]),
      'INSERT INTO store_barrier (turn) VALUES (0)',
    ],
  ],
};

/** Transactions that are as durable as they promise. Every method throws what SQLite throws; then nothing can be relied on. */
export interface Commits {
  /** Runs `work` in one transaction; it tells whether it wrote. */
  commit(durability: Durability, work: () => boolean): void;
  /** Everything committed before is on disk when this returns. */
  sync(): void;
  /** No sync follows any more. */
  stop(): void;
}

/** `connection` holds `barrierSchema`. `onFailure` is told when the sync in the background failed. */
export function durableCommits(connection: Database, onFailure: (cause: unknown) => void): Commits {
  const begin = connection.prepare('BEGIN IMMEDIATE');
  const commit = connection.prepare('COMMIT');
  const touchBarrier = connection.prepare('UPDATE store_barrier SET turn = turn + 1');
  let level: 'FULL' | 'NORMAL' | undefined;
  /** A power cut could still undo a commit: also one of the process before this. */
  let unsynced = true;
  let timer: NodeJS.Timeout | undefined;

  function transact<T>(needed: 'FULL' | 'NORMAL', work: () => T): T {
    if (level !== needed) {
      // Prepared, it would act at once instead of when run; inside a transaction it is an error.
      connection.exec(`PRAGMA synchronous = ${needed}`);
      level = needed;
    }
    begin.run();
    const result = work();
    commit.run();
    return result;
  }

  function sync(): void {
    if (!unsynced) return;
    transact('FULL', () => touchBarrier.run());
    unsynced = false;
  }

  function syncSoon(): void {
    unsynced = true;
    timer ??= setTimeout(() => {
      timer = undefined;
      try {
        sync();
      } catch (cause) {
        onFailure(cause);
      }
    }, BARRIER_DELAY_MS).unref();
  }

  return {
    commit(durability, work) {
      if (durability === 'disk') {
        transact('FULL', () => {
          work();
          // The batch may rest on what an earlier one wrote and write nothing itself; its promise is the same.
          if (unsynced) touchBarrier.run();
        });
        unsynced = false;
        return;
      }
      if (transact('NORMAL', work)) syncSoon();
    },
    sync,
    stop() {
      clearTimeout(timer);
    },
  };
}
