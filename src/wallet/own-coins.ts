import { RouterError } from '../lib/errors.ts';
import type { Coin } from './coins.ts';
import { ACCEPTED_UNIT, feeOf } from './keyset.ts';
import type { Keyset } from './keyset.ts';
import type { Mint } from './mints.ts';
import { secretOf } from './outputs.ts';
import type { Seeds } from './seeds.ts';
import type { SwapInput } from './swap.ts';
import { encodeToken } from './token.ts';

/** What these coins are worth together, before any fee. */
export function worthOf(coins: readonly Pick<Coin, 'amount'>[]): bigint {
  return coins.reduce((sum, coin) => sum + coin.amount, 0n);
}

/** NUT-02 fee of spending these coins. Coins of a keyset that we no longer know count as free of fee. */
export function spendingFee(coins: readonly Coin[], mint: Mint): bigint {
  return feeOf(coins.map((coin) => ({ ppk: ppkOf(coin, mint) })));
}

/** NUT-02 fee of one of our coins as an input, in thousandths of a unit. */
export function ppkOf(coin: Coin, mint: Mint): bigint {
  return mint.keyset(coin.keyset)?.ppk ?? 0n;
}

/** One of our coins as an input of a swap. */
export function ownInput(coin: Coin, seeds: Seeds): SwapInput {
  const { y, keyset, amount, c } = coin;
  return { y, keyset, amount, secret: secretOf(seeds[coin.seed], coin), C: c };
}

/** The keyset of new coins. Throws RouterError where the mint never told one. */
export function activeKeyset(mint: Mint): Keyset {
  const keyset = mint.active(ACCEPTED_UNIT);
  if (keyset === undefined)
    throw new RouterError('cashu_mint_unreachable', 'The mint of this token is away.', {
      retryAfterS: 5,
    });
  return keyset;
}

/** The token that these coins make: the same text whenever it is asked for. */
export function tokenOfCoins(seeds: Seeds, coins: readonly Coin[], mint: Mint): string {
  const ordered = coins.toSorted((a, b) => Number(a.amount - b.amount || a.counter - b.counter));
  const proofs = ordered.map((coin) => ({
    keyset: coin.keyset,
    amount: coin.amount,
    secret: secretOf(seeds[coin.seed], coin),
    C: coin.c,
  }));
  return encodeToken({ mintUrl: mint.url, unit: ACCEPTED_UNIT, proofs });
}
