import type { AccountRow } from '../../ledger/sql.ts';
import type { Coin } from '../../wallet/coins.ts';
import type { Mint } from '../../wallet/mints.ts';
import { activeKeyset, ownInput, spendingFee, worthOf } from '../../wallet/own-coins.ts';
import type { Seeds } from '../../wallet/seeds.ts';
import { greedy, splitForChange } from '../../wallet/split.ts';
import type { SwapPlan } from '../../wallet/swap.ts';
import type { IncomingToken } from '../../wallet/token.ts';

/** The swap that redeems a payer's token: its coins make every change that a charge of up to `holdSat` can leave. */
export function redeemPlan(token: IncomingToken, owner: string, holdSat: bigint): SwapPlan {
  const keyset = activeKeyset(token.mint);
  return {
    mint: token.mint,
    purpose: 'redeem',
    owner,
    seed: 'payers',
    inputs: token.proofs,
    keyset,
    outputs: splitForChange(token.amount - token.fee, holdSat, keyset.denominations),
    fee: token.fee,
  };
}

/** The swap that takes an account's outstanding change back. */
export function reclaimPlan(
  account: AccountRow,
  mint: Mint,
  material: { readonly coins: readonly Coin[]; readonly seeds: Seeds; readonly holdSat: bigint },
): SwapPlan {
  const keyset = activeKeyset(mint);
  const { coins, seeds, holdSat } = material;
  const fee = spendingFee(coins, mint);
  return {
    mint,
    purpose: 'reclaim',
    owner: account.id,
    seed: 'payers',
    inputs: coins.map((coin) => ownInput(coin, seeds)),
    keyset,
    outputs: splitForChange(worthOf(coins) - fee, holdSat, keyset.denominations),
    fee,
  };
}

/**
 * The swap that breaks one coin so that the account's change fits: `keep` coins are given as they are, `coin` becomes what is
 * still missing less the mint's fee, and the rest. Undefined when the missing part is worth no more than that fee.
 */
export function refundPlan(
  account: AccountRow,
  mint: Mint,
  material: { readonly coins: readonly Coin[]; readonly seeds: Seeds; readonly amount: bigint },
): SwapPlan | undefined {
  const { coins, seeds, amount } = material;
  let missing = amount;
  const rest: Coin[] = [];
  for (const coin of coins) {
    if (coin.amount <= missing) missing -= coin.amount;
    else rest.push(coin);
  }
  // Largest first: the last of the rest is the smallest coin that is worth more than what is missing.
  const broken = rest.findLast((coin) => coin.amount > missing);
  if (broken === undefined) return undefined;
  const keyset = activeKeyset(mint);
  const fee = spendingFee([broken], mint);
  if (missing <= fee) return undefined;
  return {
    mint,
    purpose: 'refund',
    owner: account.id,
    seed: 'payers',
    inputs: [ownInput(broken, seeds)],
    keyset,
    outputs: [
      ...greedy(missing - fee, keyset.denominations),
      ...greedy(broken.amount - missing, keyset.denominations),
    ],
    fee,
  };
}
