import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

import { bytesOf } from './byte-bound.ts';
import type { CountJob, CountResult } from './counter-worker.ts';
import type { EncodingName } from './encoding.ts';

export interface TokenCounter {
  /**
   * Counts texts in a worker thread, in short pieces: exact to a few percent, and an upper bound of it. Never rejects: what is
   * too large, or comes while too much is queued, or dies with the worker, counts one token per byte.
   */
  count(texts: readonly string[], encoding?: EncodingName): Promise<number>;
  /** Settles what is pending by its bytes and ends the worker. Idempotent. */
  close(): Promise<void>;
}

export interface TokenCounterOptions {
  /** Jobs beyond this many bytes are not counted. */
  readonly maxJobBytes?: number;
  /** Jobs in work at a time. */
  readonly maxJobs?: number;
}

interface Pending {
  readonly bytes: number;
  readonly resolve: (tokens: number) => void;
}

const MAX_JOB_BYTES = 4 * 1024 * 1024;
const MAX_JOBS = 256;

export function createTokenCounter(options: TokenCounterOptions = {}): TokenCounter {
  const { maxJobBytes = MAX_JOB_BYTES, maxJobs = MAX_JOBS } = options;
  const pending = new Map<number, Pending>();
  let worker: Worker | undefined;
  let nextId = 1;
  let isClosed = false;

  function giveUp(): void {
    worker = undefined;
    for (const { bytes, resolve } of pending.values()) resolve(bytes);
    pending.clear();
  }

  function start(): Worker {
    // tsc does not rewrite this: beside a .ts file stands a .ts worker, beside a .js file a .js one.
    const started = new Worker(
      new URL(`./counter-worker${extname(import.meta.url)}`, import.meta.url),
    );
    started.unref();
    started.on('message', ({ id, tokens }: CountResult) => {
      pending.get(id)?.resolve(tokens);
      pending.delete(id);
    });
    const lost = (): void => {
      if (worker === started) giveUp();
    };
    started.on('error', lost);
    started.on('exit', lost);
    return started;
  }

  return {
    async count(texts, encoding = 'o200k_base') {
      const bytes = bytesOf(texts);
      if (bytes === 0) return 0;
      if (isClosed || bytes > maxJobBytes || pending.size >= maxJobs) return bytes;
      worker ??= start();
      const id = nextId;
      nextId += 1;
      const { promise, resolve } = Promise.withResolvers<number>();
      pending.set(id, { bytes, resolve });
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
