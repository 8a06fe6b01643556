import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import Database from 'better-sqlite3';
import { expect, onTestFinished, test, vi } from 'vitest';

import { silentLog } from '../../src/lib/log.ts';
import { operationBatch } from '../../src/store/batch.ts';
import { barrierSchema, durableCommits } from '../../src/store/commits.ts';
import { groupCommit } from '../../src/store/group-commit.ts';
import { migrate } from '../../src/store/migrations.ts';
import { query, run } from '../../src/store/operation.ts';
import { prepareStatements } from '../../src/store/statements.ts';
import type { Schema } from '../../src/store/store.ts';
import { openBeside, temporaryFolder } from './support.ts';

const schema: Schema = {
  owner: 'test',
  migrations: [
    (ddl) => [
      ddl.table('parent', [`id ${ddl.integer} PRIMARY KEY`]),
      ddl.table('child', [
        `parent ${ddl.integer} REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED`,
      ]),
      ddl.table('blob', [`body ${ddl.bytes}`]),
    ],
  ],
};

const insertParent = query('INSERT INTO parent (id) VALUES (?)');
const insertChild = query('INSERT INTO child (parent) VALUES (?)');
const insertBlob = query('INSERT INTO blob (body) VALUES (?)');

function openFragile() {
  const file = join(temporaryFolder(), 'fragile.db');
  const connection = new Database(file, { timeout: 0 });
  onTestFinished(() => {
    connection.close();
  });
  connection.exec('PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON');
  migrate(connection, [barrierSchema, schema], silentLog);
  const fatal: unknown[] = [];
  const commits = durableCommits(connection, (cause) => writes.fail(cause));
  const batch = operationBatch(connection, prepareStatements(connection));
  const pause = { now: false };
  const writes = groupCommit({
    batch,
    commits,
    isPaused: () => pause.now,
    onFatal: (cause) => fatal.push(cause),
  });
  return { connection, file, writes, fatal, pause };
}

test('a transaction that cannot begin rejects its whole batch and is fatal', async () => {
  const { file, writes, fatal } = openFragile();
  openBeside(file).exec('BEGIN IMMEDIATE');

  const results = await Promise.allSettled([
    writes.write(() => run(insertParent, 1n)),
    writes.write(() => run(insertParent, 2n)),
  ]);

  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(fatal).toEqual([expect.objectContaining({ code: 'SQLITE_BUSY' })]);
});

test('a transaction that cannot commit rejects its whole batch, is fatal, and nothing of it stays', async () => {
  const { file, writes, fatal, connection } = openFragile();

  const results = await Promise.allSettled([
    writes.write(() => run(insertParent, 1n)),
    writes.write(() => run(insertChild, 77n)),
  ]);

  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(fatal).toEqual([expect.objectContaining({ code: 'SQLITE_CONSTRAINT_FOREIGNKEY' })]);
  connection.close();
  expect(openBeside(file).prepare('SELECT id FROM parent').all()).toEqual([]);
});

test('a full disk is fatal: no operation may take it for its own failure, and the queue behind it rejects', async () => {
  const { connection, file, writes, fatal } = openFragile();
  connection.pragma('max_page_count = 12');
  let handled = false;

  const results = await Promise.allSettled([
    writes.write(() => run(insertParent, 1n)),
    writes.write(function* () {
      try {
        yield* run(insertBlob, new Uint8Array(1_000_000));
      } catch {
        handled = true;
      }
    }),
    ...Array.from({ length: 1500 }, () => writes.write(() => run(insertParent, 2n))),
  ]);

  expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['rejected']));
  expect(handled).toBe(false);
  expect(fatal).toEqual([expect.objectContaining({ code: 'SQLITE_FULL' })]);
  connection.close();
  expect(openBeside(file).prepare('SELECT id FROM parent').all()).toEqual([]);
});

test('after a failure every write and read is refused, closing is possible, and onFatal was told once', async () => {
  const { file, writes, fatal } = openFragile();
  openBeside(file).exec('BEGIN IMMEDIATE');
  await Promise.allSettled([writes.write(() => run(insertParent, 1n))]);

  await expect(writes.write(() => run(insertParent, 2n))).rejects.toThrow(/nothing more/);
  expect(() => writes.requireUsable()).toThrow(/nothing more/);
  writes.close();

  expect(fatal).toHaveLength(1);
});

test('a failed last sync of a closing store is fatal', async () => {
  const { file, writes, fatal } = openFragile();
  await writes.write(() => run(insertParent, 1n));
  openBeside(file).exec('BEGIN IMMEDIATE');

  writes.close();

  expect(fatal).toEqual([expect.objectContaining({ code: 'SQLITE_BUSY' })]);
});

test('while commits are paused, writes wait, and then commit together in their order', async () => {
  const { writes, pause, connection } = openFragile();
  const commits = vi.fn<() => void>();
  pause.now = true;

  const writing = [1n, 2n, 3n].map(async (id) => {
    const changes = await writes.write(() => run(insertParent, id));
    commits();
    return changes;
  });
  await setTimeout(20);
  expect(commits).not.toHaveBeenCalled();
  pause.now = false;

  expect(await Promise.all(writing)).toEqual([1, 1, 1]);
  expect(connection.prepare('SELECT id FROM parent ORDER BY id').pluck().all()).toEqual([1, 2, 3]);
});

test('closing does not wait for the end of a pause', async () => {
  const { writes, pause } = openFragile();
  pause.now = true;

  const writing = writes.write(() => run(insertParent, 1n));
  writes.close();

  await expect(writing).resolves.toBe(1);
});
