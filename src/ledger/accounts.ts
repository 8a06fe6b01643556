import { all, get, run } from '../store/operation.ts';
import type { Operation } from '../store/operation.ts';
import { book } from './entries.ts';
import type { Book } from './entries.ts';
import * as sql from './sql.ts';
import type { AccountRow, AccountState, ChangeMode } from './sql.ts';

export interface NewAccount {
  readonly id: string;
  readonly mint: bigint;
  readonly unit: string;
  readonly mode: ChangeMode;
  readonly nowMs: number;
}

/** The account's row, or undefined. */
export function account(id: string): Operation<AccountRow | undefined> {
  return get(sql.SELECT_ACCOUNT, id);
}

/** Writes an account whose token is about to be redeemed. Throws when it exists. */
export function* openAccount(fresh: NewAccount): Operation<void> {
  yield* run(sql.INSERT_ACCOUNT, fresh.id, fresh.mint, fresh.unit, fresh.mode, BigInt(fresh.nowMs));
}

/**
 * Forgets an account whose token was not redeemed, and those that wait on it: the same token may open it anew before they have
 * left. Returns whether it was there and empty.
 */
export function* dropAccount(id: string, nowMs: number): Operation<boolean> {
  if ((yield* run(sql.DELETE_ACCOUNT, id)) !== 1) return false;
  yield* run(sql.RELEASE_ALL_WAITING, BigInt(nowMs), id);
  return true;
}

/** Moves `id` from one state to another; false when it is no longer in `from`. */
export function* moveState(id: string, from: AccountState, to: AccountState): Operation<boolean> {
  return (yield* run(sql.MOVE_STATE, to, id, from)) === 1;
}

export function* setMode(id: string, mode: ChangeMode): Operation<void> {
  yield* run(sql.SET_MODE, mode, id);
}

/** Remembers for good that somebody else spent coins of this account's change. */
export function* markChangeGone(id: string): Operation<void> {
  yield* run(sql.MARK_CHANGE_GONE, id);
}

export function* markReclaimed(id: string, nowMs: number): Operation<void> {
  yield* run(sql.MARK_RECLAIMED, BigInt(nowMs), id);
}

export interface Movement {
  readonly account: string;
  readonly other: Exclude<Book, `account:${string}`>;
  readonly amountMsat: bigint;
  readonly reason: string;
  readonly nowMs: number;
}

/** Adds to an account's balance what came from `other`. */
export function* credit(movement: Movement): Operation<void> {
  if (movement.amountMsat === 0n) return;
  const credited = yield* run(sql.CREDIT, movement.amountMsat, movement.account);
  if (credited !== 1) throw new Error('the account to credit is not there');
  yield* book({
    debit: movement.other,
    credit: `account:${movement.account}`,
    amountMsat: movement.amountMsat,
    reason: movement.reason,
    atMs: movement.nowMs,
  });
}

/** Takes from an account's free balance what goes to `other`. Throws when less is free. */
export function* debit(movement: Movement): Operation<void> {
  if (movement.amountMsat === 0n) return;
  const { amountMsat } = movement;
  const debited = yield* run(sql.DEBIT, amountMsat, movement.account, amountMsat);
  if (debited !== 1) throw new Error('the account has less than is taken from it');
  yield* book({
    debit: `account:${movement.account}`,
    credit: movement.other,
    amountMsat,
    reason: movement.reason,
    atMs: movement.nowMs,
  });
}

/** Moves what is left on `from` (its dust) to `to`. */
export function* moveRest(from: string, to: string, nowMs: number): Operation<void> {
  const source = yield* get(sql.SELECT_ACCOUNT, from);
  if (source === undefined || source.balance_msat === 0n) return;
  const amountMsat = source.balance_msat;
  const taken = yield* run(sql.DEBIT, amountMsat, from, amountMsat);
  const given = yield* run(sql.CREDIT, amountMsat, to);
  if (taken !== 1 || given !== 1) throw new Error('the dust could not be moved');
  yield* book({
    debit: `account:${from}`,
    credit: `account:${to}`,
    amountMsat,
    reason: 'dust',
    atMs: nowMs,
  });
}

/** What accounts of one mint hold together, msat. */
export function* openTotal(mint: bigint): Operation<bigint> {
  return (yield* get(sql.OPEN_TOTAL, mint))?.total ?? 0n;
}

/** Accounts in the middle of an operation with their mint; after a crash somebody must finish them. */
export function stranded(): Operation<AccountRow[]> {
  return all(sql.STRANDED);
}

/** Stores the prices of a hold once; `id` is a hash of `body`. Idempotent. */
export function* keepSnapshot(id: string, body: string, nowMs: number): Operation<void> {
  if ((yield* get(sql.SELECT_SNAPSHOT, id)) !== undefined) return;
  yield* run(sql.INSERT_SNAPSHOT, id, body, BigInt(nowMs));
}
