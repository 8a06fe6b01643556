import { hold } from '../../ledger/holds.ts';
import type { HoldResult } from '../../ledger/holds.ts';
import type { AccountRow } from '../../ledger/sql.ts';
import type { Msat } from '../../lib/amount.ts';
import type { Quote } from '../../pricing/quote.ts';
import { mintAway } from '../../wallet/token-errors.ts';
import { insufficient, inUse, payerGone } from './errors.ts';
import type { CashuParts } from './parts.ts';
import { askOf, forgetWaiter, join, orGone, refine, sleepUntilWoken } from './pursuit.ts';
import type { Pursuit } from './pursuit.ts';
import { reclaim } from './reclaim.ts';
import { present, resume } from './redeem.ts';

export interface Grant {
  readonly id: bigint;
  readonly held: Msat;
  /** As it was just before the hold. */
  readonly account: AccountRow;
  readonly quote: Quote;
}

/** A mint that is away this long may never come back. */
const AWAY_TOO_LONG_MS = 600_000;
const NO_MINTS: ReadonlySet<bigint> = new Set();

/**
 * Gets a hold for a request, whatever its account has to go through first: redeem the token, join those who redeem it, take
 * change back, wait for a sibling. Rejects with RouterError; a `waiting` hold is then still the caller's to give up.
 */
export async function acquire(parts: CashuParts, pursuit: Pursuit): Promise<Grant> {
  for (;;) {
    if (pursuit.request.gone.cancelled) throw payerGone();
    const result = await nextResult(parts, pursuit);
    switch (result.kind) {
      case 'held': {
        forgetWaiter(parts, pursuit);
        const { id, held, account } = result;
        return { id, held, account, quote: pursuit.quote };
      }
      case 'short':
        await whenShort(parts, pursuit, result);
        break;
      case 'absent':
        // Its account was forgotten, and with it who waited there.
        forgetWaiter(parts, pursuit);
        await present(parts, pursuit);
        break;
      case 'away':
        throw mintAway();
      case 'closed':
        await whenClosed(parts, pursuit, result.account);
        break;
    }
  }
}

async function nextResult(parts: CashuParts, pursuit: Pursuit): Promise<HoldResult> {
  const granted = pursuit.waiter?.granted;
  if (granted !== undefined) {
    delete pursuit.waiter?.granted;
    return granted;
  }
  const waiting = pursuit.waiter?.id;
  if (pursuit.waiter !== undefined) pursuit.waiter.isStirred = false;
  const nowMs = parts.clock.now();
  const awayMints = mintsAway(parts, nowMs);
  return parts.store.write(() => hold({ ...askOf(pursuit), waiting, nowMs, awayMints }));
}

/** Mints that have been away too long to serve on their coins. */
function mintsAway(parts: CashuParts, nowMs: number): ReadonlySet<bigint> {
  const { all } = parts.wallet.mints;
  if (all.every((mint) => mint.awaySinceMs === undefined)) return NO_MINTS;
  const long = all.filter((mint) => nowMs - (mint.awaySinceMs ?? nowMs) > AWAY_TOO_LONG_MS);
  return new Set(long.map((mint) => mint.id));
}

async function whenShort(
  parts: CashuParts,
  pursuit: Pursuit,
  short: HoldResult & { kind: 'short' },
): Promise<void> {
  if (await refine(pursuit)) return;
  if (!short.siblings) throw insufficient(pursuit.quote, short.account);
  // A sibling may have settled while we joined: look once more before waiting.
  if (await join(parts, pursuit)) return;
  if (parts.clock.now() >= pursuit.deadlineMs) throw inUse();
  await sleepUntilWoken(parts, pursuit);
}

async function whenClosed(parts: CashuParts, pursuit: Pursuit, account: AccountRow): Promise<void> {
  const task = parts.tasks.get(account.id);
  if (task !== undefined) {
    await join(parts, pursuit);
    await orGone(pursuit, task.done);
  } else if (account.state === 'out') await reclaim(parts, pursuit, account);
  else await resume(parts, pursuit, account);
}
