import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import Database from 'better-sqlite3';
import { onTestFinished } from 'vitest';

import { silentLog } from '../../src/lib/log.ts';
import type { StoreOptions } from '../../src/store/open-store.ts';
import { openStore } from '../../src/store/open-store.ts';
import { query } from '../../src/store/operation.ts';
import type { Schema, Store } from '../../src/store/store.ts';

export const purseSchema: Schema = {
  owner: 'purse',
  migrations: [
    (ddl) => [
      ddl.table('purse', [
        `id ${ddl.integer} PRIMARY KEY`,
        `owner ${ddl.text} UNIQUE`,
        `msat ${ddl.integer} NOT NULL CHECK (msat >= 0)`,
        `note ${ddl.bytes}`,
      ]),
    ],
  ],
};

export interface Purse {
  readonly id: bigint;
  readonly owner: string | null;
  readonly msat: bigint;
  readonly note: Uint8Array | null;
}

export const insertPurse = query('INSERT INTO purse (owner, msat) VALUES (?, ?)');
export const spend = query('UPDATE purse SET msat = msat - ? WHERE owner = ?');
export const selectPurses = query<Purse>('SELECT id, owner, msat, note FROM purse ORDER BY id');
export const selectMsat = query<{ msat: bigint }>('SELECT msat FROM purse WHERE owner = ?');

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nutroute-store-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Opened {
  readonly store: Store;
  readonly file: string;
  /** What onFatal was told. */
  readonly fatal: unknown[];
}

/** A store of purses in a file of its own, closed when the test ends. */
export async function openPurses(options: Partial<StoreOptions> = {}): Promise<Opened> {
  const file = options.database?.slice('file:'.length) ?? join(temporaryFolder(), 'purses.db');
  const fatal: unknown[] = [];
  const store = await openStore({
    database: `file:${file}`,
    schemas: [purseSchema],
    log: silentLog,
    onFatal: (cause) => fatal.push(cause),
    ...options,
  });
  onTestFinished(() => store.close());
  return { store, file, fatal };
}

/** A connection that looks at the file from outside the store. */
export function openBeside(file: string): Database.Database {
  const connection = new Database(file);
  connection.defaultSafeIntegers(true);
  onTestFinished(() => {
    connection.close();
  });
  return connection;
}

export interface Child {
  readonly process: ChildProcess;
  readonly lines: AsyncIterableIterator<string>;
  kill(): Promise<void>;
}

/** A real process that serves `file`, to be killed: it prints `open`, then each counter whose write has resolved. */
export function spawnWriter(file: string): Child {
  const script = join(import.meta.dirname, 'writer.ts');
  const child = spawn(process.execPath, [script, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  };
  onTestFinished(kill);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { process: child, lines, kill };
}
