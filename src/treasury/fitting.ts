import type { Operation } from '../store/operation.ts';
import type { Coin } from '../wallet/coins.ts';
import type { Mint, Mints } from '../wallet/mints.ts';
import { pickExact } from '../wallet/split.ts';
import { coinsUpTo } from '../wallet/treasury-coins.ts';

/** So many coins of one amount are looked at: as many payments in a row need no split, and a token stays short. */
export const READY_PER_AMOUNT = 4n;
/** Amounts of coins looked at; a keyset of powers of two has 64 at most. */
const MAX_AMOUNTS = 64;
/** Whoever takes a token pays the mint per coin, and proxies allow 4 kB of headers: 24 coins are about 3.3 kB. */
const MAX_TOKEN_COINS = 24;

/** Few free treasury coins worth exactly `sat`, or undefined. Cheap however many coins there are. */
export function* fittingCoins(
  mints: Mints,
  mint: Mint,
  sat: bigint,
): Operation<readonly Coin[] | undefined> {
  const limits = { perAmount: READY_PER_AMOUNT, amounts: MAX_AMOUNTS };
  const coins = (yield* coinsUpTo(mint.id, sat, limits)).filter((coin) =>
    isSpendable(mints, mint, coin.keyset),
  );
  const picked = pickExact(coins, sat);
  if (picked === undefined || picked.length > MAX_TOKEN_COINS) return undefined;
  return picked.flatMap((index) => coins[index] ?? []);
}

/** A mint owes nothing for coins of an expired keyset. */
export function isSpendable(mints: Mints, mint: Mint, keyset: string): boolean {
  const known = mint.keyset(keyset);
  return known === undefined || !mints.isExpired(known);
}
