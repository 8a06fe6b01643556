import Database from 'better-sqlite3';

import { createPrivateFile } from './database-file.ts';

export interface ProcessLock {
  release(): void;
}

/**
 * Takes the one right to write to `file`, or throws at once. It is a lock of the operating system (an exclusive transaction
 * on the empty `<file>.lock`), so the end of the process frees it, `kill -9` too. The lock file stays: removing it would let
 * two processes lock two files of one name.
 */
export function lockDatabase(file: string): ProcessLock {
  createPrivateFile(`${file}.lock`);
  const lock = new Database(`${file}.lock`, { timeout: 0 });
  try {
    // In memory: nothing is ever written here, and a killed process leaves no journal file behind.
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    if (!(cause instanceof Database.SqliteError && cause.code === 'SQLITE_BUSY')) throw cause;
    throw new Error(
      `the database ${file} is in use by another process; only one router can serve it at a time`,
      { cause },
    );
  }
  return {
    release() {
      lock.close();
    },
  };
}
