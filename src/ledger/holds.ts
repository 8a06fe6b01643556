import { msat } from '../lib/amount.ts';
import type { Msat } from '../lib/amount.ts';
import { all, get, run } from '../store/operation.ts';
import type { Operation } from '../store/operation.ts';
import { book } from './entries.ts';
import { grant } from './grant.ts';
import type { Ask } from './grant.ts';
import * as sql from './sql.ts';
import type { AccountRow } from './sql.ts';

export interface HoldAsk {
  readonly account: string;
  readonly request: string;
  readonly ask: Ask;
  /** Id in `price_snapshot` of the prices the hold was computed with. */
  readonly snapshot: string;
  readonly nowMs: number;
  /** A `waiting` hold of this request that becomes the running one. */
  readonly waiting?: bigint | undefined;
  /** Grant only when all that is wanted fits; else answer `short` so that the caller can count exactly first. */
  readonly onlyFull?: boolean;
  /** Mints that stay away: their accounts are out of service, since what they owe us may be worth nothing. */
  readonly awayMints?: ReadonlySet<bigint>;
}

export type HoldResult =
  | {
      readonly kind: 'held';
      readonly id: bigint;
      readonly held: Msat;
      readonly account: AccountRow;
    }
  | { readonly kind: 'short'; readonly account: AccountRow; readonly siblings: boolean }
  | { readonly kind: 'closed'; readonly account: AccountRow }
  | { readonly kind: 'away' }
  | { readonly kind: 'absent' };

/** Sets money aside for one request, by `grant`. Takes nothing unless the result is `held`. */
export function* hold(request: HoldAsk): Operation<HoldResult> {
  const account = yield* get(sql.SELECT_ACCOUNT, request.account);
  if (account === undefined) return { kind: 'absent' };
  if (request.awayMints?.has(account.mint) === true) return { kind: 'away' };
  if (account.state !== 'open') return { kind: 'closed', account };
  const others = account.waiting - (request.waiting === undefined ? 0n : 1n);
  // Only a running sibling can give money back; others that wait have none.
  const siblings = account.running > 0n;
  const free = msat(account.balance_msat - account.held_msat);
  const held = grant(request.ask, { free, running: account.running, waiting: others });
  if (held === undefined || (request.onlyFull === true && held < request.ask.wanted))
    return { kind: 'short', account, siblings };
  const id = yield* place(request, held);
  return { kind: 'held', id, held, account };
}

function* place(request: HoldAsk, held: Msat): Operation<bigint> {
  const now = BigInt(request.nowMs);
  if (request.waiting !== undefined) {
    const started = yield* run(sql.START_WAITING, held, request.snapshot, now, request.waiting);
    if (started !== 1) throw new Error('a waiting hold was started twice');
    yield* run(sql.ADD_HELD_FROM_WAITING, held, request.account);
    return request.waiting;
  }
  yield* run(sql.ADD_HELD, held, request.account);
  const row = yield* get(
    sql.INSERT_RUNNING,
    request.account,
    request.request,
    held,
    request.snapshot,
    now,
    now,
  );
  if (row === undefined) throw new Error('the hold was not written');
  return row.id;
}

/** Joins the requests that wait on an account; its change is not cut while one waits. Undefined when it is not there. */
export function* wait(
  account: string,
  request: string,
  nowMs: number,
): Operation<bigint | undefined> {
  if ((yield* run(sql.ADD_WAITING, account)) !== 1) return undefined;
  const now = BigInt(nowMs);
  const row = yield* get(sql.INSERT_WAITING, account, request, now, now);
  if (row === undefined) throw new Error('the waiting hold was not written');
  return row.id;
}

/** Gives up a waiting hold. Idempotent. */
export function* release(id: bigint, nowMs: number): Operation<AccountRow | undefined> {
  const row = yield* get(sql.RELEASE_WAITING, BigInt(nowMs), id);
  if (row === undefined) return undefined;
  yield* run(sql.DROP_WAITING, row.account);
  return yield* get(sql.SELECT_ACCOUNT, row.account);
}

export interface Captured {
  readonly charge: Msat;
  readonly account: AccountRow;
}

/** Keeps min(charge, held) and gives back the rest of the hold. Undefined when this hold has already ended. */
export function* capture(id: bigint, charge: Msat, nowMs: number): Operation<Captured | undefined> {
  const row = yield* get(sql.CAPTURE, charge, charge, BigInt(nowMs), id);
  if (row === undefined) return undefined;
  const account = yield* get(sql.TAKE_CHARGE, row.charge_msat, row.held_msat, row.account);
  if (account === undefined) throw new Error('a hold without its account');
  yield* book({
    debit: `account:${row.account}`,
    credit: 'revenue',
    amountMsat: row.charge_msat,
    reason: `charge ${id}`,
    atMs: nowMs,
  });
  return { charge: msat(row.charge_msat), account };
}

/** Renews a running hold's lease with what has been metered so far. */
export function* renew(id: bigint, metered: Msat, nowMs: number): Operation<void> {
  yield* run(sql.RENEW, metered, BigInt(nowMs), id);
}

/** After a crash: charges every running hold what its lease last metered, and drops those that only waited. */
export function* recoverHolds(nowMs: number): Operation<{ charged: number; dropped: number }> {
  let charged = 0;
  let dropped = 0;
  for (const row of yield* all(sql.LIVE_HOLDS)) {
    if (row.state === 'running') {
      yield* capture(row.id, msat(row.metered_msat), nowMs);
      charged += 1;
    } else {
      yield* release(row.id, nowMs);
      dropped += 1;
    }
  }
  return { charged, dropped };
}
