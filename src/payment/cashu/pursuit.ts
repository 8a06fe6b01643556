import { capture, release, wait } from '../../ledger/holds.ts';
import type { AccountRow } from '../../ledger/sql.ts';
import { ZERO_MSAT } from '../../lib/amount.ts';
import type { Cancel } from '../../lib/cancel.ts';
import type { Quote } from '../../pricing/quote.ts';
import type { Operation } from '../../store/operation.ts';
import type { IncomingToken } from '../../wallet/token.ts';
import type { CashuCredential } from './credential.ts';
import { inUse, payerGone } from './errors.ts';
import type { CashuParts } from './parts.ts';
import type { Waiter } from './waiters.ts';

/** How long a request waits for its siblings to settle. */
export const SIBLING_WAIT_MS = 30_000;

export interface CashuRequest {
  readonly credential: CashuCredential;
  readonly gone: Cancel;
  readonly address: string;
  readonly requestId: string;
}

/** One request on its way to a hold. */
export interface Pursuit {
  readonly request: CashuRequest;
  readonly account: string;
  quote: Quote;
  /** The prompt was counted exactly. */
  refined: boolean;
  /** Id of the quote's prices in the ledger. */
  readonly snapshot: string;
  /** Decoded when it has to be redeemed. */
  token: IncomingToken | undefined;
  waiter: Waiter | undefined;
  /** When it stops waiting for siblings. */
  readonly deadlineMs: number;
}

/** What the ledger is asked for. */
export function askOf(pursuit: Pursuit): Waiter['ask'] {
  return {
    account: pursuit.account,
    request: pursuit.request.requestId,
    ask: pursuit.quote,
    snapshot: pursuit.snapshot,
    onlyFull: !pursuit.refined,
  };
}

/** Counts the prompt exactly, once; true when that was not done before. */
export async function refine(pursuit: Pursuit): Promise<boolean> {
  if (pursuit.refined) return false;
  pursuit.quote = await pursuit.quote.refine();
  pursuit.refined = true;
  return true;
}

/** Writes the request's `waiting` hold; false when it has one, or the account is gone. */
export async function join(parts: CashuParts, pursuit: Pursuit): Promise<boolean> {
  if (pursuit.waiter !== undefined) return false;
  const { requestId } = pursuit.request;
  const id = await parts.store.write(() => wait(pursuit.account, requestId, parts.clock.now()));
  if (id === undefined) return false;
  enlist(parts, pursuit, id);
  return true;
}

/** Puts a request that has a `waiting` hold among those that the account's next transaction grants. */
export function enlist(parts: CashuParts, pursuit: Pursuit, id: bigint): void {
  const ask = askOf(pursuit);
  const waiter: Waiter = { ask, id, isStirred: false, wake: () => undefined };
  pursuit.waiter = waiter;
  if (!parts.waiters.add(waiter)) throw inUse();
}

/** The `waiting` hold became a running one, or went with its account. */
export function forgetWaiter(parts: CashuParts, pursuit: Pursuit): void {
  if (pursuit.waiter !== undefined) parts.waiters.remove(pursuit.waiter);
  pursuit.waiter = undefined;
}

/**
 * Gives the `waiting` hold up, also when it was granted meanwhile and nobody was told; what the account is then, or undefined
 * when there was none.
 */
export async function stopWaiting(
  parts: CashuParts,
  pursuit: Pursuit,
): Promise<AccountRow | undefined> {
  const { waiter } = pursuit;
  if (waiter === undefined) return undefined;
  forgetWaiter(parts, pursuit);
  const account = await parts.store.write(() => giveUp(waiter.id, parts.clock.now()));
  parts.waiters.wake(pursuit.account);
  return account;
}

function* giveUp(hold: bigint, nowMs: number): Operation<AccountRow | undefined> {
  const released = yield* release(hold, nowMs);
  return released ?? (yield* capture(hold, ZERO_MSAT, nowMs))?.account;
}

/** Waits for `done`, but no longer than the payer is there. */
export async function orGone(pursuit: Pursuit, done: Promise<void>): Promise<void> {
  const left = Promise.withResolvers<never>();
  const forget = pursuit.request.gone.onCancel(() => {
    left.reject(payerGone());
  });
  try {
    await Promise.race([done, left.promise]);
  } finally {
    forget();
  }
}

/** Waits until the account moves (also if it just did), the payer leaves, or the deadline passes. */
export async function sleepUntilWoken(parts: CashuParts, pursuit: Pursuit): Promise<void> {
  const { waiter } = pursuit;
  if (waiter === undefined || waiter.isStirred) return;
  const woken = Promise.withResolvers<void>();
  waiter.wake = woken.resolve;
  const forget = pursuit.request.gone.onCancel(woken.resolve);
  const timer = setTimeout(woken.resolve, Math.max(0, pursuit.deadlineMs - parts.clock.now()));
  try {
    await woken.promise;
  } finally {
    clearTimeout(timer);
    forget();
    waiter.wake = () => undefined;
  }
}
