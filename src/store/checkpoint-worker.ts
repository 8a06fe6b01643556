import { parentPort, workerData } from 'node:worker_threads';

import Database from 'better-sqlite3';

import type { CheckpointTask } from './checkpointer.ts';

/** Below this a checkpoint is not worth its fsyncs (4 MB; SQLite's own default). */
const CHECKPOINT_PAGES = 1000;

/** From here on the writer has to wait until the WAL starts over (64 MB): otherwise steady load would let it grow for ever. */
const RESTART_PAGES = 16_000;

const INTERVAL_MS = 250;

/** How long the writer may have to wait, at the worst, for a restart that a reader of an old snapshot prevents. */
const RESTART_TIMEOUT_MS = 50;

interface Progress {
  readonly log: number;
  readonly checkpointed: number;
}

/** Runs in a thread of its own, since a checkpoint blocks for as long as its fsyncs take. */
function checkpointRegularly({ file, pause }: CheckpointTask): void {
  const connection = new Database(file, { fileMustExist: true, timeout: RESTART_TIMEOUT_MS });
  connection.pragma('synchronous = FULL');

  const step = (mode: 'NOOP' | 'PASSIVE' | 'RESTART'): Progress => {
    const row = connection.prepare<[], Progress>(`PRAGMA wal_checkpoint(${mode})`).get();
    if (row === undefined) throw new Error('SQLite did not answer wal_checkpoint');
    return row;
  };
  const timer = setInterval(() => {
    const { log, checkpointed } = step('NOOP');
    if (log - checkpointed < CHECKPOINT_PAGES) return;
    if (step('PASSIVE').log >= RESTART_PAGES) restart();
  }, INTERVAL_MS);

  function restart(): void {
    // Commits that follow each other closely would never leave the lock to this thread.
    Atomics.store(pause, 0, 1);
    try {
      step('RESTART');
    } finally {
      Atomics.store(pause, 0, 0);
    }
  }

  parentPort?.once('message', () => {
    clearInterval(timer);
    connection.close();
  });
}

function isTask(value: unknown): value is CheckpointTask {
  return typeof value === 'object' && value !== null && 'file' in value && 'pause' in value;
}

if (!isTask(workerData)) throw new TypeError('the checkpoint worker was started without a task');
checkpointRegularly(workerData);
