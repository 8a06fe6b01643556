import { Worker } from 'node:worker_threads';

/** A command that opens the store for a moment shall not pay for a thread. */
const START_DELAY_MS = 1000;

/** What the thread is given. */
export interface CheckpointTask {
  readonly file: string;
  /** One shared cell: 1 while the thread needs the writer to stand aside. */
  readonly pause: Int32Array<SharedArrayBuffer>;
}

export interface Checkpointer {
  /** While true (some milliseconds, seldom) a commit would block until the WAL has started over, or prevent that. */
  needsPause(this: void): boolean;
  /** Resolves when the thread has closed its connection and ended. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Moves the WAL of `file` into the database from a worker thread, from one second on, so that the WAL stays bounded and the
 * event loop never waits for it. Never keeps the process alive. `onFailure` is told when the thread died.
 */
export function startCheckpointer(file: string, onFailure: (cause: unknown) => void): Checkpointer {
  const pause = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  let running: { readonly worker: Worker; readonly exit: Promise<void> } | undefined;
  const timer = setTimeout(() => {
    const task: CheckpointTask = { file, pause };
    const worker = new Worker(workerUrl(), { workerData: task });
    worker.unref();
    worker.once('error', onFailure);
    const exit = new Promise<void>((resolve) => {
      worker.once('exit', () => resolve());
    });
    running = { worker, exit };
  }, START_DELAY_MS).unref();

  return {
    needsPause: () => Atomics.load(pause, 0) === 1,
    async stop() {
      clearTimeout(timer);
      if (running === undefined) return;
      running.worker.ref();
      running.worker.postMessage('stop');
      await running.exit;
    },
  };
}

/** The compiler does not rewrite this name: the package runs the .js beside it, a checkout the .ts. */
function workerUrl(): URL {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return new URL(`./checkpoint-worker${extension}`, import.meta.url);
}
