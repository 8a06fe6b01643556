import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

import { bytesOf } from './byte-bound.ts';
import type { CountJob, CountResult } from './counter-worker.ts';
import type { EncodingName } from './encoding.ts';

/** `quote`: whoever asks need not have paid, so quotes never fill more than half of the queue. `charge`: somebody paid. */
export type CountUse = 'quote' | 'charge';

export interface TokenCounter {
  /**
   * Counts texts in a worker thread, in short pieces: what one encoding of the whole would count, or up to 8 % more (see
   * `piecesOf`). Never rejects: what is too large, or comes while too much is queued, or dies with the worker, counts one
   * token per byte, which is never too little. The worker does not keep the process alive.
   */
  count(texts: readonly string[], encoding?: EncodingName, use?: CountUse): Promise<number>;
  /** Settles what is pending by its bytes and ends the worker. Idempotent. */
  close(): Promise<void>;
}

export interface TokenCounterOptions {
  /** Jobs beyond this many bytes are not counted. */
  readonly maxJobBytes?: number;
  /** Jobs in work at a time. */
  readonly maxJobs?: number;
  /** Bytes of all jobs in work. */
  readonly maxQueuedBytes?: number;
  /** Told when the worker died; the next count starts another. */
  readonly onWorkerLost?: (error: unknown) => void;
}

interface Pending {
  readonly bytes: number;
  readonly resolve: (tokens: number) => void;
}

const MAX_JOB_BYTES = 4 * 1024 * 1024;
const MAX_JOBS = 256;
const MAX_QUEUED_BYTES = 32 * 1024 * 1024;

/** tsc does not rewrite this: beside a .ts file stands a .ts worker, beside a .js file a .js one. */
const WORKER = new URL(`./counter-worker${extname(import.meta.url)}`, import.meta.url);

export function createTokenCounter(options: TokenCounterOptions = {}): TokenCounter {
  const {
    maxJobBytes = MAX_JOB_BYTES,
    maxJobs = MAX_JOBS,
    maxQueuedBytes = MAX_QUEUED_BYTES,
    onWorkerLost,
  } = options;
  const pending = new Map<number, Pending>();
  let queuedBytes = 0;
  let worker: Worker | undefined;
  let nextId = 1;
  let isClosed = false;

  function settle(id: number, tokens?: number): void {
    const job = pending.get(id);
    if (job === undefined) return;
    pending.delete(id);
    queuedBytes -= job.bytes;
    job.resolve(tokens ?? job.bytes);
  }

  function giveUp(): void {
    worker = undefined;
    for (const id of pending.keys()) settle(id);
  }

  function start(): Worker {
    // Without our own flags: some of them (`--input-type`) stop a worker from starting.
    const started = new Worker(WORKER, { execArgv: [] });
    started.on('message', ({ id, tokens }: CountResult) => settle(id, tokens));
    // Both come when it throws; a count between them may have started another worker.
    const lost = (reason: unknown): void => {
      if (worker !== started) return;
      giveUp();
      onWorkerLost?.(reason);
    };
    started.on('error', lost);
    started.on('exit', (code) => lost(new Error(`the worker ended with code ${code}`)));
    // Last: a listener for messages makes the worker hold the process again.
    started.unref();
    return started;
  }

  return {
    async count(texts, encoding = 'o200k_base', use = 'charge') {
      const bytes = bytesOf(texts);
      if (bytes === 0) return 0;
      const share = use === 'quote' ? 0.5 : 1;
      const isTooMuch =
        pending.size >= maxJobs * share || queuedBytes + bytes > maxQueuedBytes * share;
      if (isClosed || bytes > maxJobBytes || isTooMuch) return bytes;
      worker ??= start();
      const id = nextId;
      nextId += 1;
      const { promise, resolve } = Promise.withResolvers<number>();
      pending.set(id, { bytes, resolve });
      queuedBytes += bytes;
      worker.postMessage({ id, texts, encoding } satisfies CountJob);
      return promise;
    },
    async close() {
      isClosed = true;
      const ending = worker;
      giveUp();
      await ending?.terminate();
    },
  };
}
