import { join } from 'node:path';

import Database from 'better-sqlite3';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';

import { silentLog } from '../../src/lib/log.ts';
import { barrierSchema, durableCommits } from '../../src/store/commits.ts';
import { migrate } from '../../src/store/migrations.ts';
import type { Durability } from '../../src/store/store.ts';
import { temporaryFolder } from './support.ts';

const NORMAL = 1n;
const FULL = 2n;
const PROMISED_MS = 1000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  return () => {
    vi.useRealTimers();
  };
});

/** Commits whose level is read from SQLite itself, inside each transaction. */
function openCommits() {
  const connection = new Database(join(temporaryFolder(), 'commits.db'));
  onTestFinished(() => {
    connection.close();
  });
  connection.defaultSafeIntegers(true);
  connection.exec('PRAGMA journal_mode = WAL');
  migrate(connection, [barrierSchema], silentLog);
  connection.exec('CREATE TABLE data (x INTEGER)');
  const failures: unknown[] = [];
  const commits = durableCommits(connection, (cause) => failures.push(cause));
  commits.sync();
  /** The level that SQLite's last commit had. */
  const level = () => connection.pragma('synchronous', { simple: true });
  const turn = connection.prepare<[], bigint>('SELECT turn FROM store_barrier').pluck();
  const start = turn.get() ?? 0n;
  const barriers = () => (turn.get() ?? 0n) - start;
  const levels: unknown[] = [];
  const commit = (durability: Durability, writes = true) =>
    commits.commit(durability, () => {
      levels.push(level());
      if (writes) connection.exec('INSERT INTO data VALUES (1)');
      return writes;
    });
  return { connection, commits, commit, level, levels, barriers, failures };
}

test('a batch for the disk commits with FULL, any other with NORMAL', () => {
  const { commit, levels } = openCommits();

  commit('process');
  commit('disk');
  commit('disk');
  commit('process');

  expect(levels).toEqual([NORMAL, FULL, FULL, NORMAL]);
});

test('a NORMAL commit is followed by one FULL commit with a write within a second', () => {
  const { commit, barriers, level } = openCommits();

  commit('process');
  commit('process');
  expect([level(), barriers()]).toEqual([NORMAL, 0n]);
  vi.advanceTimersByTime(PROMISED_MS);
  expect([level(), barriers()]).toEqual([FULL, 1n]);
  vi.advanceTimersByTime(10 * PROMISED_MS);

  expect(barriers()).toBe(1n);
});

test('every NORMAL commit is on disk a second later, however dense they come', () => {
  const { commit, barriers } = openCommits();

  for (let ms = 0; ms < 5 * PROMISED_MS; ms += 50) {
    commit('process');
    vi.advanceTimersByTime(50);
  }

  expect(barriers()).toBeGreaterThanOrEqual(5n);
});

test('a NORMAL commit that only read asks for no FULL one', () => {
  const { commit, barriers } = openCommits();

  commit('process', false);
  vi.advanceTimersByTime(PROMISED_MS);

  expect(barriers()).toBe(0n);
});

test('a batch for the disk that writes nothing still takes earlier NORMAL commits to the disk', () => {
  const { commit, barriers, level } = openCommits();

  commit('process');
  commit('disk', false);
  expect([level(), barriers()]).toEqual([FULL, 1n]);
  commit('disk', false);
  vi.advanceTimersByTime(PROMISED_MS);

  expect(barriers()).toBe(1n);
});

test('a sync that fails in the background is told', () => {
  const { commit, failures, connection } = openCommits();

  commit('process');
  connection.exec('DROP TABLE store_barrier; BEGIN');
  vi.advanceTimersByTime(PROMISED_MS);

  expect(failures).toEqual([expect.any(Error)]);
});

test('no sync follows after stop', () => {
  const { commit, commits, barriers } = openCommits();

  commit('process');
  commits.stop();
  vi.advanceTimersByTime(PROMISED_MS);

  expect(barriers()).toBe(0n);
});
