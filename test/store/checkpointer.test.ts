import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { expect, onTestFinished, test, vi } from 'vitest';

import { startCheckpointer } from '../../src/store/checkpointer.ts';
import { openBeside, temporaryFolder } from './support.ts';

const CHECKPOINTER = join(import.meta.dirname, '..', '..', 'src', 'store', 'checkpointer.ts');

/** A database without automatic checkpoints whose WAL holds about 2,000 pages. */
function databaseWithLongWal() {
  const file = join(temporaryFolder(), 'wal.db');
  const connection = openBeside(file);
  connection.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0');
  connection.exec('CREATE TABLE blob (body BLOB); INSERT INTO blob VALUES (zeroblob(8000000))');
  const backlog = () => {
    const [row] = connection.pragma('wal_checkpoint(NOOP)') as {
      log: bigint;
      checkpointed: bigint;
    }[];
    return Number((row?.log ?? 0n) - (row?.checkpointed ?? 0n));
  };
  return { file, backlog };
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
