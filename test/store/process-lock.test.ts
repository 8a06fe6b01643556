import { join } from 'node:path';

import { expect, test } from 'vitest';

import { silentLog } from '../../src/lib/log.ts';
import { openStore } from '../../src/store/open-store.ts';
import { lockDatabase } from '../../src/store/process-lock.ts';
import { openBeside, spawnWriter, temporaryFolder } from './support.ts';

/** How many writes the killed process reports before the signal. */
const REPORTS_BEFORE_KILL = 300;

test('a second opening in the same process is refused until the first is closed', () => {
  const file = join(temporaryFolder(), 'x.db');
  const lock = lockDatabase(file);

  expect(() => lockDatabase(file)).toThrow(`the database ${file} is in use`);
  lock.release();

  const next = lockDatabase(file);
  next.release();
});

test('another process is refused while the first lives, and allowed after its kill -9 with all it reported', async () => {
  const file = join(temporaryFolder(), 'counter.db');
  const first = spawnWriter(file);
  expect((await first.lines.next()).value).toBe('open');

  const here = openStore({
    database: `file:${file}`,
    schemas: [],
    log: silentLog,
    onFatal: () => undefined,
  });
  await expect(here).rejects.toThrow(`the database ${file} is in use by another process`);

  const reported: bigint[] = [];
  while (reported.length < REPORTS_BEFORE_KILL) {
    reported.push(BigInt((await first.lines.next()).value));
  }
  await first.kill();
  for await (const line of first.lines) reported.push(BigInt(line));

  const second = spawnWriter(file);
  expect((await second.lines.next()).value).toBe('open');
  await second.kill();
  const kept = openBeside(file).prepare('SELECT value FROM counter').pluck().all();
  const survivors = new Set(kept);
  expect(reported.filter((value) => !survivors.has(value))).toEqual([]);
});
