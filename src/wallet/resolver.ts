import * as journal from './journal.ts';
import type { SwapRow } from './journal.ts';
import { resolveSwap } from './resolve.ts';
import type { MaySend, ResolveParts } from './resolve.ts';
import type { SwapOutcome } from './swap.ts';

export interface Resolver {
  /** Resolves one operation, once at a time: a call while another runs gets its outcome, unless it may send and that one may not. */
  resolve(id: bigint, maySend: MaySend): Promise<SwapOutcome>;
  /** Looks at every open operation when it is due, for ever. */
  start(): void;
  stop(): Promise<void>;
}

interface Running {
  readonly outcome: Promise<SwapOutcome>;
  readonly maySend: boolean;
}

/** An open operation is looked at after as long as it has been open already, within these limits. */
const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 600_000;
const TICK_MS = 500;
/** Operations looked at in one tick. */
const MAX_PER_TICK = 16n;
const LANE_KEY = 'resolver';

export function createResolver(parts: ResolveParts): Resolver {
  const { store, mints, clock, log } = parts;
  const running = new Map<bigint, Running>();
  let timer: NodeJS.Timeout | undefined;
  let ticking: Promise<void> = Promise.resolve();

  async function resolve(id: bigint, maySend: MaySend): Promise<SwapOutcome> {
    for (let other = running.get(id); other !== undefined; other = running.get(id)) {
      const outcome = await other.outcome;
      // One that only looked sent nothing: who may send still can.
      if (outcome.kind !== 'open' || other.maySend || maySend === false) return outcome;
    }
    const outcome = resolveSwap(parts, id, maySend).finally(() => running.delete(id));
    running.set(id, { outcome, maySend: maySend !== false });
    return outcome;
  }

  async function look(row: SwapRow): Promise<void> {
    if (running.has(row.id)) return;
    const pause = pauseAfter(row, clock.now());
    await store.write(() => journal.leaveOpen(row.id, clock.now() + pause));
    const mint = mints.byId(row.mint);
    if (mint === undefined) return;
    const maySend: MaySend = journal.spendsOwnCoins(row.purpose) && (() => true);
    const work = async (): Promise<SwapOutcome> => resolve(row.id, maySend);
    // Only who sends needs the lane.
    const turn = { key: LANE_KEY, deadlineMs: clock.now() + pause };
    await (maySend === false ? work() : mint.lane.run(turn, work));
  }

  async function tick(): Promise<void> {
    const due = await store.read(() => journal.dueSwaps(clock.now(), MAX_PER_TICK));
    const looks = await Promise.allSettled(due.map(look));
    for (const result of looks)
      if (result.status === 'rejected')
        log.warn({ err: result.reason }, 'an open operation could not be looked at; tried again');
  }

  async function loop(): Promise<void> {
    await tick();
    if (timer !== undefined) schedule(TICK_MS);
  }

  function schedule(ms: number): void {
    timer = setTimeout(() => {
      ticking = loop().catch((error: unknown) => {
        log.error({ err: error }, 'the resolver stopped');
      });
    }, ms).unref();
  }

  return {
    resolve,
    start() {
      schedule(0);
    },
    async stop() {
      clearTimeout(timer);
      timer = undefined;
      await ticking;
      await Promise.allSettled([...running.values()].map(async ({ outcome }) => outcome));
    },
  };
}

/** As long as the operation has been open, within limits: 0.5 s, 1 s, 2 s ... ten minutes. */
function pauseAfter(row: SwapRow, nowMs: number): number {
  const age = nowMs - Number(row.created_at_ms);
  return Math.min(LAST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, age));
}
