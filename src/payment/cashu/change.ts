import { debit, moveState } from '../../ledger/accounts.ts';
import type { AccountRow } from '../../ledger/sql.ts';
import { floorToSat, msat } from '../../lib/amount.ts';
import type { Operation } from '../../store/operation.ts';
import { coinsOf, giveCoins, releaseToTreasury } from '../../wallet/coins.ts';
import type { Coin } from '../../wallet/coins.ts';
import type { Mint } from '../../wallet/mints.ts';
import { spendingFee, worthOf } from '../../wallet/own-coins.ts';
import { pickExact } from '../../wallet/split.ts';

export type Cut =
  | { readonly kind: 'cut'; readonly coins: readonly Coin[]; readonly amount: bigint }
  /** Less than a unit is left, or no more than spending it would cost. */
  | { readonly kind: 'nothing' }
  /** The account's coins cannot make the amount: a swap at the mint can. */
  | { readonly kind: 'unfit'; readonly coins: readonly Coin[]; readonly amount: bigint };

/**
 * Cuts an idle open account's whole units as change, from its own coins: they are given, the account is out, and what is left
 * of its coins is the router's. Runs in the transaction of the capture; nothing is written unless the result is `cut`, but
 * that an account without a whole unit leaves its coins to the treasury.
 */
export function* cutChange(account: AccountRow, mint: Mint, nowMs: number): Operation<Cut> {
  const coins = yield* coinsOf(account.id, 'free');
  const worth = worthOf(coins);
  const owed = floorToSat(msat(account.balance_msat));
  // Dust that came from earlier accounts may add up to a unit that no coin of this account backs.
  const amount = owed < worth ? owed : worth;
  if (owed === 0n) yield* releaseToTreasury(account.id);
  if (amount === 0n) return { kind: 'nothing' };
  const picked = pickExact(coins, amount);
  if (picked === undefined) return { kind: 'unfit', coins, amount };
  const chosen = picked.flatMap((index) => coins[index] ?? []);
  if (amount <= spendingFee(chosen, mint)) return { kind: 'nothing' };
  yield* give(account.id, chosen, nowMs);
  return { kind: 'cut', coins: chosen, amount };
}

/** Gives these coins of an idle open account as its change, and closes it. */
export function* give(account: string, coins: readonly Coin[], nowMs: number): Operation<void> {
  const amount = worthOf(coins);
  yield* debit({
    account,
    other: 'payer',
    amountMsat: amount * 1000n,
    reason: 'change',
    nowMs,
  });
  yield* giveCoins(coins, account);
  yield* releaseToTreasury(account);
  if (!(yield* moveState(account, 'open', 'out'))) throw new Error('the account was not open');
}
