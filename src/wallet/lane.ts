import type { Clock } from '../lib/clock.ts';
import { RouterError } from '../lib/errors.ts';
import type { Breaker } from './breaker.ts';

/** One mint's queue: one task at a time, because mints gain nothing from concurrent swaps and some deadlock. */
export interface Lane {
  /**
   * Runs `work` when its turn comes and resolves with its result. Rejects, having run nothing, with RouterError
   * `cashu_mint_busy` when the queue is full (the key with the most tasks waiting gives way) or `cashu_mint_unreachable`
   * when the mint's breaker is open or the deadline passed in the queue.
   */
  run<T>(turn: Turn, work: () => Promise<T>): Promise<T>;
  readonly waiting: number;
}

export interface Turn {
  /** Whose task it is (an address, or a name of ours): keys take turns, so nobody's flood starves others. */
  readonly key: string;
  /** A task that has not begun by then (milliseconds since the epoch) never begins. */
  readonly deadlineMs: number;
}

export interface LaneOptions {
  readonly maxWaiting: number;
  readonly clock: Clock;
  readonly breaker: Pick<Breaker, 'closedForMs'>;
}

interface Waiter {
  readonly turn: Turn;
  begin(): void;
  leave(error: RouterError): void;
}

const MAX_TIMER_MS = 2 ** 31 - 1;
const BUSY_RETRY_S = 2;

export function createLane(options: LaneOptions): Lane {
  const { clock, breaker } = options;
  const queue = createFairQueue();
  let isBusy = false;

  const refuseWhileOpen = (): void => {
    if (breaker.closedForMs > 0) throw unreachable(breaker.closedForMs);
  };

  function enter(turn: Turn): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (error: RouterError): void => {
        clearTimeout(timer);
        queue.remove(waiter);
        reject(error);
      };
      const begin = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const waiter: Waiter = { turn, begin, leave };
      const waitMs = Math.min(Math.max(0, turn.deadlineMs - clock.now()), MAX_TIMER_MS);
      const timer = setTimeout(() => leave(unreachable(1000)), waitMs);
      queue.add(waiter);
      if (queue.size > options.maxWaiting) queue.longestTail()?.leave(busy());
    });
  }

  function leaveLane(): void {
    const next = queue.take();
    isBusy = next !== undefined;
    next?.begin();
  }

  return {
    async run(turn, work) {
      refuseWhileOpen();
      if (isBusy) await enter(turn);
      isBusy = true;
      try {
        // The breaker may have opened, and the deadline passed, on the way here.
        refuseWhileOpen();
        if (clock.now() >= turn.deadlineMs) throw unreachable(1000);
        return await work();
      } finally {
        leaveLane();
      }
    },
    get waiting() {
      return queue.size;
    },
  };
}

interface FairQueue {
  readonly size: number;
  add(waiter: Waiter): void;
  remove(waiter: Waiter): void;
  /** Removes the oldest waiter of the key whose turn it is. */
  take(): Waiter | undefined;
  /** The newest waiter of the key that has the most. */
  longestTail(): Waiter | undefined;
}

/** One list a key; the map's order is the order of turns. */
function createFairQueue(): FairQueue {
  const lists = new Map<string, Waiter[]>();
  let size = 0;
  return {
    get size() {
      return size;
    },
    add(waiter) {
      const list = lists.get(waiter.turn.key);
      if (list === undefined) lists.set(waiter.turn.key, [waiter]);
      else list.push(waiter);
      size += 1;
    },
    remove(waiter) {
      const list = lists.get(waiter.turn.key) ?? [];
      const position = list.indexOf(waiter);
      if (position === -1) return;
      list.splice(position, 1);
      size -= 1;
      if (list.length === 0) lists.delete(waiter.turn.key);
    },
    take() {
      for (const [key, list] of lists) {
        const waiter = list.shift();
        lists.delete(key);
        if (list.length > 0) lists.set(key, list);
        if (waiter === undefined) continue;
        size -= 1;
        return waiter;
      }
      return undefined;
    },
    longestTail() {
      let longest: Waiter[] = [];
      for (const list of lists.values()) if (list.length >= longest.length) longest = list;
      return longest.at(-1);
    },
  };
}

function unreachable(retryMs: number): RouterError {
  return new RouterError(
    'cashu_mint_unreachable',
    'The mint cannot be reached; nothing was taken.',
    {
      retryAfterS: Math.ceil(retryMs / 1000),
    },
  );
}

function busy(): RouterError {
  return new RouterError(
    'cashu_mint_busy',
    'Too many tokens of this mint are waiting; nothing was taken.',
    {
      retryAfterS: BUSY_RETRY_S,
    },
  );
}
