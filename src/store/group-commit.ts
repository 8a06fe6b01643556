import type { Batch } from './batch.ts';
import type { Commits } from './commits.ts';
import { StorageFailure } from './drive.ts';
import type { Operation } from './operation.ts';
import type { Durability } from './store.ts';

/** Bounds how long one batch blocks the event loop (about 10 ms); what is queued beyond it commits in the next turn. */
const MAX_BATCH = 1000;

/** How long a turn waits before it asks again whether it may commit. */
const PAUSE_MS = 1;

export interface GroupCommitOptions {
  readonly batch: Batch;
  readonly commits: Commits;
  /** While true, queued operations wait. */
  readonly isPaused: () => boolean;
  readonly onFatal: (cause: unknown) => void;
}

export interface GroupCommit {
  /** As Store.write. */
  write<T>(this: void, operation: () => Operation<T>, durability?: Durability): Promise<T>;
  /** Nothing can be relied on any more: refuses all that is queued and all that comes. */
  fail(cause: unknown): void;
  /** Throws if nothing more may be read or written. */
  requireUsable(): void;
  /** Commits what is queued, makes it durable and refuses what comes later. */
  close(): void;
}

interface Queued {
  readonly disk: boolean;
  /** Runs the operation and returns what tells its caller the outcome, once that is committed. */
  run(): () => void;
  reject(error: unknown): void;
}

/** The queue of writes: one transaction per turn of the event loop. */
export function groupCommit({
  batch,
  commits,
  isPaused,
  onFatal,
}: GroupCommitOptions): GroupCommit {
  let queue: Queued[] = [];
  let refusal: Error | undefined;

  function turn(): void {
    if (isPaused()) setTimeout(turn, PAUSE_MS);
    else flush();
  }

  function flush(): void {
    const queued = queue;
    if (queued.length === 0) return;
    queue = queued.splice(MAX_BATCH);
    if (queue.length > 0) setImmediate(turn);
    let settles: (() => void)[] = [];
    try {
      commits.commit(queued.some(({ disk }) => disk) ? 'disk' : 'process', () => {
        settles = queued.map((one) => one.run());
        return batch.tookWrites();
      });
    } catch (cause) {
      queue = [...queued, ...queue];
      fail(cause instanceof StorageFailure ? cause.cause : cause);
      return;
    }
    for (const settle of settles) settle();
  }

  function fail(cause: unknown): void {
    const failure = new Error('the database failed: nothing more is read or written', { cause });
    refusal = failure;
    const lost = queue;
    queue = [];
    for (const queued of lost) queued.reject(failure);
    onFatal(cause);
  }

  return {
    write(operation, durability = 'process') {
      if (refusal !== undefined) return Promise.reject(refusal);
      return new Promise((resolve, reject) => {
        if (queue.length === 0) setImmediate(turn);
        queue.push({
          disk: durability === 'disk',
          run: () => outcome(() => batch.run(operation), resolve, reject),
          reject,
        });
      });
    },
    fail,
    requireUsable() {
      if (refusal !== undefined) throw refusal;
    },
    close() {
      commits.stop();
      while (queue.length > 0) flush();
      if (refusal !== undefined) return;
      refusal = new Error('the store is closed');
      try {
        commits.sync();
      } catch (cause) {
        fail(cause);
      }
    },
  };
}

/** Runs `work` and returns what tells its caller how it went. Throws StorageFailure, which is no outcome of the work. */
function outcome<T>(
  work: () => T,
  resolve: (result: T) => void,
  reject: (error: unknown) => void,
): () => void {
  try {
    const result = work();
    return () => resolve(result);
  } catch (error) {
    if (error instanceof StorageFailure) throw error;
    return () => reject(error);
  }
}
