import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { expect, onTestFinished, test, vi } from 'vitest';

import { startCheckpointer } from '../../src/store/checkpointer.ts';
import { openBeside, temporaryFolder } from './support.ts';

const CHECKPOINTER = join(import.meta.dirname, '..', '..', 'src', 'store', 'checkpointer.ts');

/** A database without automatic checkpoints whose WAL holds about 2,000 pages, or as many bytes as told. */
function databaseWithLongWal(bytes = 8_000_000) {
  const file = join(temporaryFolder(), 'wal.db');
  const connection = openBeside(file);
  connection.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0');
  connection.exec(`CREATE TABLE blob (body BLOB); INSERT INTO blob VALUES (zeroblob(${bytes}))`);
  const backlog = () => {
    const [row] = connection.pragma('wal_checkpoint(NOOP)') as {
      log: bigint;
      checkpointed: bigint;
    }[];
    return Number((row?.log ?? 0n) - (row?.checkpointed ?? 0n));
  };
  return { connection, file, backlog };
}

test('a long WAL is moved into the database by the thread', async () => {
  const { file, backlog } = databaseWithLongWal();
  expect(backlog()).toBeGreaterThan(1000);

  const failures: unknown[] = [];
  const checkpointer = startCheckpointer(file, (cause) => failures.push(cause));
  onTestFinished(() => checkpointer.stop());

  await vi.waitFor(() => expect(backlog()).toBe(0), { timeout: 10_000, interval: 50 });
  await checkpointer.stop();
  expect(failures).toEqual([]);
});

test('a WAL beyond its bound asks the writer to stand aside, for a moment only', async () => {
  const { connection, file } = databaseWithLongWal(70_000_000);
  connection.exec('BEGIN IMMEDIATE');

  const checkpointer = startCheckpointer(file, () => undefined);
  onTestFinished(() => checkpointer.stop());
  const pause = (wanted: boolean) =>
    vi.waitFor(() => expect(checkpointer.needsPause()).toBe(wanted), {
      timeout: 10_000,
      interval: 2,
    });
  await pause(true);
  await pause(false);
  connection.exec('COMMIT');
});

test('a thread that cannot work tells so', async () => {
  const failures: unknown[] = [];
  const checkpointer = startCheckpointer(join(temporaryFolder(), 'missing.db'), (cause) =>
    failures.push(cause),
  );
  onTestFinished(() => checkpointer.stop());

  await vi.waitFor(() => expect(failures).toHaveLength(1), { timeout: 10_000, interval: 50 });
  await checkpointer.stop();
  expect(failures).toEqual([expect.any(Error)]);
});

test('the running thread does not keep the process alive', async () => {
  const { file, backlog } = databaseWithLongWal();
  const script = join(temporaryFolder(), 'linger.mjs');
  writeFileSync(
    script,
    `import { startCheckpointer } from ${JSON.stringify(pathToFileURL(CHECKPOINTER))};
    startCheckpointer(${JSON.stringify(file)}, (cause) => { throw cause; });
    setTimeout(() => {}, 2500);`,
  );

  const child = spawn(process.execPath, [script], { stdio: 'inherit' });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const [code, signal] = await once(child, 'exit');

  expect([code, signal]).toEqual([0, null]);
  expect(backlog()).toBe(0);
});
