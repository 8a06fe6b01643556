import { parentPort, workerData } from 'node:worker_threads';

import Database from 'better-sqlite3';

/** Below this a checkpoint is not worth its fsyncs (4 MB; SQLite's own default). */
const CHECKPOINT_PAGES = 1000;

/** From here on the writer has to wait until the WAL starts over (64 MB): otherwise steady load would let it grow for ever. */
const RESTART_PAGES = 16_000;

const INTERVAL_MS = 250;

interface Progress {
  readonly log: number;
  readonly checkpointed: number;
}

/** Runs in a thread of its own, since a checkpoint blocks for as long as its fsyncs take. */
function checkpointRegularly(file: string): void {
  const connection = new Database(file, { fileMustExist: true });
  connection.pragma('synchronous = FULL');

  const step = (mode: 'NOOP' | 'PASSIVE' | 'RESTART'): Progress => {
    const row = connection.prepare<[], Progress>(`PRAGMA wal_checkpoint(${mode})`).get();
    if (row === undefined) throw new Error('SQLite did not answer wal_checkpoint');
    return row;
  };
  const timer = setInterval(() => {
    const { log, checkpointed } = step('NOOP');
    if (log - checkpointed < CHECKPOINT_PAGES) return;
    if (step('PASSIVE').log >= RESTART_PAGES) step('RESTART');
  }, INTERVAL_MS);

  parentPort?.once('message', () => {
    clearInterval(timer);
    connection.close();
  });
}

if (typeof workerData !== 'string') throw new TypeError('the checkpoint worker needs a file');
checkpointRegularly(workerData);
