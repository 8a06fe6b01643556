import { dropAccount, moveState, stranded } from '../../ledger/accounts.ts';
import type { AccountRow } from '../../ledger/sql.ts';
import type { Clock } from '../../lib/clock.ts';
import { RouterError } from '../../lib/errors.ts';
import { hexOf } from '../../lib/hex.ts';
import type { Operation } from '../../store/operation.ts';
import type { Store } from '../../store/store.ts';
import { openSwapOf } from '../../wallet/journal.ts';
import type { SwapOutcome } from '../../wallet/swap.ts';
import type { Waiters } from './waiters.ts';

/** An account whose swap is in work in this process. */
export interface Task {
  /** Resolves when the account is open (or out) again; rejects with what its requests are told. Never unhandled. */
  readonly done: Promise<void>;
  /** Resolves when it is over, however it ended: for those whom only that concerns. */
  readonly over: Promise<void>;
}

export interface Tasks {
  get(account: string): Task | undefined;
  /** The account (not this one) in whose task one of these coins is. */
  holderOf(ys: readonly Uint8Array[], except: string): string | undefined;
  /**
   * Starts the one task of an account whose state is `redeeming`, `refunding` or `reclaiming`. `work` swaps at the mint;
   * `refusal` says what a definite no means to the payer. Where nothing was journaled the account goes back to what it was.
   */
  start(
    account: string,
    ys: readonly Uint8Array[],
    work: () => Promise<SwapOutcome | undefined>,
    refusal: (outcome: SwapOutcome & { kind: 'refused' }) => RouterError,
  ): Task;
  /** Resolves when no task runs. */
  idle(): Promise<void>;
}

export function createTasks(store: Store, waiters: Waiters, clock: Clock): Tasks {
  const tasks = new Map<string, Task>();
  const holders = new Map<string, string>();

  async function carryOut(
    account: string,
    work: () => Promise<SwapOutcome | undefined>,
    refusal: (outcome: SwapOutcome & { kind: 'refused' }) => RouterError,
  ): Promise<void> {
    let outcome: SwapOutcome | undefined;
    try {
      outcome = await work();
    } catch (error) {
      waiters.ungrant(account);
      await store.write(() => goBack(account, clock.now()));
      throw error;
    }
    if (outcome === undefined) {
      await store.write(() => goBack(account, clock.now()));
      return;
    }
    if (outcome.kind === 'refused') throw refusal(outcome);
    if (outcome.kind === 'open') throw unresolved();
  }

  return {
    get: (account) => tasks.get(account),
    holderOf(ys, except) {
      for (const y of ys) {
        const holder = holders.get(hexOf(y));
        if (holder !== undefined && holder !== except) return holder;
      }
      return undefined;
    },
    start(account, ys, work, refusal) {
      if (tasks.has(account)) throw new Error('an account has one task at a time');
      const keys = ys.map(hexOf);
      for (const key of keys) holders.set(key, account);
      const done = carryOut(account, work, refusal).finally(() => {
        tasks.delete(account);
        for (const key of keys) holders.delete(key);
        waiters.wake(account);
      });
      // Whoever waits for `done` gets the error; a task that nobody waits for any more has told the database.
      const over = done.catch(() => undefined);
      const task = { done, over };
      tasks.set(account, task);
      return task;
    },
    async idle() {
      while (tasks.size > 0) await Promise.all([...tasks.values()].map(async (task) => task.over));
    },
  };
}

/** An account in the middle of a swap of which nothing was journaled is what it was before. */
function* goBack(account: string, nowMs: number): Operation<void> {
  if ((yield* openSwapOf(account)) !== undefined) return;
  yield* dropAccount(account, nowMs);
  yield* moveState(account, 'reclaiming', 'out');
  yield* moveState(account, 'refunding', 'open');
}

/** After a crash: accounts in the middle of a swap that was never journaled go back; the others wait for evidence. */
export function* recoverAccounts(nowMs: number): Operation<readonly AccountRow[]> {
  const rows = yield* stranded();
  for (const row of rows) yield* goBack(row.id, nowMs);
  return rows;
}

function unresolved(): RouterError {
  return new RouterError(
    'cashu_mint_unreachable',
    'The mint did not answer. Nothing is lost: send the same request with the same token again.',
    { retryAfterS: 2 },
  );
}
