import { existsSync } from 'node:fs';

import Database from 'better-sqlite3';

import type { Log } from '../lib/log.ts';
import { operationBatch } from './batch.ts';
import { startCheckpointer } from './checkpointer.ts';
import { barrierSchema, durableCommits } from './commits.ts';
import {
  createFolder,
  createPrivateFile,
  databaseFile,
  realDatabaseFile,
} from './database-file.ts';
import { drive } from './drive.ts';
import { groupCommit } from './group-commit.ts';
import { migrate, requireVersions } from './migrations.ts';
import type { Call, Operation } from './operation.ts';
import { lockDatabase } from './process-lock.ts';
import type { Statements } from './statements.ts';
import { prepareStatements } from './statements.ts';
import type { Schema, Store } from './store.ts';

/** How long a commit waits for the checkpointing thread before it counts as failed. */
const BUSY_TIMEOUT_MS = 5000;

/** The WAL file is cut to this when it starts over. */
const WAL_BYTES = 64 * 1024 * 1024;

const AUTOCHECKPOINT_PAGES = 1000;

export interface StoreOptions {
  /** `file:<path>`. The file and its folder are created for their owner only; links are followed. */
  readonly database: string;
  /** One per owner. */
  readonly schemas: readonly Schema[];
  readonly log: Log;
  /** Opens an existing database beside a running router: no lock, no migration, writes are refused. */
  readonly readOnly?: boolean;
  /** The database failed and nothing more can be written: the process shall end, and its next start recovers. */
  readonly onFatal: (cause: unknown) => void;
}

/**
 * Opens, locks and migrates the database. Rejects, with a message for the operator, if another process serves it, if it is of
 * a newer version, or if it cannot be opened.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const file = databaseFile(options.database);
  try {
    return options.readOnly === true ? openReadOnly(file, options) : openForWriting(file, options);
  } catch (cause) {
    // SQLite's own messages do not name the file.
    if (!(cause instanceof Database.SqliteError)) throw cause;
    throw new Error(`the database ${file} could not be opened: ${cause.message}`, { cause });
  }
}

function openReadOnly(file: string, { schemas }: StoreOptions): Store {
  if (!existsSync(file)) throw new Error(`the database ${file} does not exist`);
  const connection = new Database(file, { readonly: true, timeout: BUSY_TIMEOUT_MS });
  try {
    connection.defaultSafeIntegers(true);
    requireVersions(connection, schemas);
    const read = reader(connection, prepareStatements(connection));
    return {
      write: () => Promise.reject(new Error(`the database ${file} is open for reading only`)),
      read: async (operation) => read(operation),
      async close() {
        connection.close();
      },
    };
  } catch (error) {
    connection.close();
    throw error;
  }
}

function openForWriting(named: string, options: StoreOptions): Store {
  createFolder(named);
  const file = realDatabaseFile(named);
  const lock = lockDatabase(file);
  try {
    createPrivateFile(file);
    const connection = new Database(file, { timeout: BUSY_TIMEOUT_MS });
    try {
      return writingStore(connection, options, () => lock.release());
    } catch (error) {
      connection.close();
      throw error;
    }
  } catch (error) {
    lock.release();
    throw error;
  }
}

function writingStore(
  connection: Database.Database,
  { schemas, log, onFatal }: StoreOptions,
  onClosed: () => void,
): Store {
  connection.defaultSafeIntegers(true);
  connection.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; ' +
      `PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = ${WAL_BYTES}`,
  );
  migrate(connection, [barrierSchema, ...schemas], log);
  const statements = prepareStatements(connection);
  const commits = durableCommits(connection, (cause) => writes.fail(cause));
  // What recovery reads and decides on must not vanish in a power cut that follows the crash.
  commits.sync();
  const checkpointer = startCheckpointer(connection.name, (cause) => {
    log.error(
      { event: 'checkpointer_failed', err: cause },
      'checkpoints now run on the main thread',
    );
    connection.exec(`PRAGMA wal_autocheckpoint = ${AUTOCHECKPOINT_PAGES}`);
  });
  const writes = groupCommit({
    batch: operationBatch(connection, statements),
    commits,
    isPaused: checkpointer.needsPause,
    onFatal,
  });
  const read = reader(connection, statements);
  const close = async (): Promise<void> => {
    writes.close();
    await checkpointer.stop();
    connection.close();
    onClosed();
  };
  let closing: Promise<void> | undefined;
  return {
    write: writes.write,
    async read(operation) {
      writes.requireUsable();
      return read(operation);
    },
    close: () => (closing ??= close()),
  };
}

/** Runs reading operations on one snapshot each: another process may commit between two of their statements. */
function reader(
  connection: Database.Database,
  statements: Statements,
): <T>(operation: () => Operation<T>) => T {
  const begin = connection.prepare('BEGIN');
  const end = connection.prepare('COMMIT');
  const execute = (call: Call): unknown => {
    const statement = statements(call.query);
    if (statement.writes) throw new TypeError(`a reading operation cannot run: ${call.query.sql}`);
    return statement.execute(call);
  };
  return (operation) => {
    begin.run();
    try {
      return drive(operation, execute);
    } finally {
      end.run();
    }
  };
}
