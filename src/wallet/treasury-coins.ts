import { all, get, query } from '../store/operation.ts';
import type { Operation } from '../store/operation.ts';
import type { Coin } from './coins.ts';

/**
 * The treasury may hold many coins, since every payment leaves some: none of these reads more of them than it is asked for, but
 * for the totals, which only walk an index. The words of the conditions are those of the partial indices.
 */
const FREE_TOTALS = query<{ keyset: string; total: bigint }>(
  `SELECT keyset, sum(amount) AS total FROM coin
   WHERE owner = 'treasury' AND state = 'free' AND mint = ? GROUP BY keyset`,
);
const WORTH = query<{ total: bigint }>(
  `SELECT coalesce((SELECT sum(amount) FROM coin WHERE owner = 'treasury' AND state = 'free' AND mint = ?), 0)
        + coalesce((SELECT sum(amount) FROM coin WHERE owner = 'treasury' AND state = 'spending' AND mint = ?), 0) AS total`,
);
const LARGEST_UP_TO = query<{ amount: bigint | null }>(
  `SELECT max(amount) AS amount FROM coin
   WHERE owner = 'treasury' AND state = 'free' AND mint = ? AND amount <= ?`,
);
const OF_AMOUNT = query<Coin>(
  `SELECT * FROM coin WHERE owner = 'treasury' AND state = 'free' AND mint = ? AND amount = ?
   ORDER BY made_by DESC LIMIT ?`,
);
const LARGEST = query<Coin>(
  `SELECT * FROM coin WHERE owner = 'treasury' AND state = 'free' AND mint = ? ORDER BY amount DESC LIMIT ?`,
);
const SMALLEST = query<Coin>(
  `SELECT * FROM coin WHERE owner = 'treasury' AND state = 'free' AND mint = ? AND amount >= ?
   ORDER BY amount LIMIT ?`,
);
const GIVEN = query<Coin>(
  `SELECT * FROM coin WHERE owner = 'treasury' AND change = ? ORDER BY amount, counter`,
);

/** What is free at a mint, by keyset. */
export function freeTotals(mint: bigint): Operation<{ keyset: string; total: bigint }[]> {
  return all(FREE_TOTALS, mint);
}

/** What the treasury has at a mint: free, or in a swap of its own just now. */
export function* treasuryWorth(mint: bigint): Operation<bigint> {
  return (yield* get(WORTH, mint, mint))?.total ?? 0n;
}

/** Free coins worth at most `most` each, at most `perAmount` of an amount, newest first; of at most `amounts` amounts, largest first. */
export function* coinsUpTo(
  mint: bigint,
  most: bigint,
  limits: { readonly perAmount: bigint; readonly amounts: number },
): Operation<Coin[]> {
  const coins: Coin[] = [];
  let below = most;
  for (let i = 0; i < limits.amounts && below > 0n; i += 1) {
    const amount = (yield* get(LARGEST_UP_TO, mint, below))?.amount ?? null;
    if (amount === null) break;
    coins.push(...(yield* all(OF_AMOUNT, mint, amount, limits.perAmount)));
    below = amount - 1n;
  }
  return coins;
}

/** The `count` largest free coins at a mint. */
export function largestCoins(mint: bigint, count: bigint): Operation<Coin[]> {
  return all(LARGEST, mint, count);
}

/** The `count` smallest free coins at a mint that are worth at least `least`. */
export function smallestCoins(mint: bigint, least: bigint, count: bigint): Operation<Coin[]> {
  return all(SMALLEST, mint, least, count);
}

/** The coins that the treasury gave as one token, spent or not. */
export function givenCoins(change: bigint): Operation<Coin[]> {
  return all(GIVEN, change);
}
