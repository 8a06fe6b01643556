import { hold } from '../../ledger/holds.ts';
import type { HoldAsk, HoldResult } from '../../ledger/holds.ts';
import { addMsat, ZERO_MSAT } from '../../lib/amount.ts';
import type { Msat } from '../../lib/amount.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Operation } from '../../store/operation.ts';

/** Requests that may wait on one account at a time. */
const MAX_WAITERS = 256;

/** A request that waits for its account to open, or for a sibling to settle. */
export interface Waiter {
  readonly ask: Omit<HoldAsk, 'nowMs' | 'waiting'>;
  /** Its `waiting` hold. */
  readonly id: bigint;
  /** Set by the transaction that opened the account. */
  granted?: HoldResult;
  /** The account moved since the waiter last looked. */
  isStirred: boolean;
  wake(): void;
}

export interface Waiters {
  /** False when too many wait on this account already. */
  add(waiter: Waiter): boolean;
  remove(waiter: Waiter): void;
  /** Grants holds to those that wait, in the order they came; the results are theirs once the transaction is committed. */
  grant(account: string): Operation<void>;
  /** Takes back what `grant` said: its transaction failed. */
  ungrant(account: string): void;
  isEmpty(account: string): boolean;
  /** What all that wait on this account want to hold together. */
  wanted(account: string): Msat;
  /** Lets all that wait on this account look again: it opened, or a sibling settled. */
  wake(account: string): void;
}

export function createWaiters(clock: Clock): Waiters {
  const byAccount = new Map<string, Set<Waiter>>();
  return {
    add(waiter) {
      const { account } = waiter.ask;
      const waiting = byAccount.get(account) ?? new Set();
      if (waiting.size >= MAX_WAITERS) return false;
      byAccount.set(account, waiting.add(waiter));
      return true;
    },
    remove(waiter) {
      const waiting = byAccount.get(waiter.ask.account);
      waiting?.delete(waiter);
      if (waiting?.size === 0) byAccount.delete(waiter.ask.account);
    },
    *grant(account) {
      for (const waiter of byAccount.get(account) ?? []) {
        waiter.granted = yield* hold({ ...waiter.ask, waiting: waiter.id, nowMs: clock.now() });
      }
    },
    ungrant(account) {
      for (const waiter of byAccount.get(account) ?? []) delete waiter.granted;
    },
    isEmpty: (account) => !byAccount.has(account),
    wanted(account) {
      const waiting = [...(byAccount.get(account) ?? [])];
      return waiting.reduce((sum, { ask }) => addMsat(sum, ask.ask.wanted), ZERO_MSAT);
    },
    wake(account) {
      for (const waiter of byAccount.get(account) ?? []) {
        waiter.isStirred = true;
        waiter.wake();
      }
    },
  };
}
