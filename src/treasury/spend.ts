import { RouterError } from '../lib/errors.ts';
import type { Operation } from '../store/operation.ts';
import type { Coin } from '../wallet/coins.ts';
import type { Mint } from '../wallet/mints.ts';
import { tokenOfCoins } from '../wallet/own-coins.ts';
import { givenCoins, treasuryWorth } from '../wallet/treasury-coins.ts';
import { fittingCoins } from './fitting.ts';
import type { TreasuryOptions } from './parts.ts';
import { createSplitting } from './splitting.ts';
import { giveToken, tokenRow } from './tokens.ts';
import type { SpendOrder, Spent, Treasury } from './treasury.ts';

/** Others may take what a split made; then it waits for the next one or makes it, so often. */
const MAX_ROUNDS = 32;

/** Pays other nodes with treasury coins. */
export function createSpending(parts: TreasuryOptions): Pick<Treasury, 'spend' | 'spentToken'> {
  const { store, wallet, seeds } = parts;
  const splitting = createSplitting(parts);
  return {
    async spend(order) {
      if (order.sat <= 0n) throw new RangeError('nothing can be bought for nothing');
      const mint = wallet.mints.byUrl(order.mintUrl);
      if (mint === undefined) return undefined;
      let feeSat = 0n;
      for (let round = 0; round < MAX_ROUNDS; round += 1) {
        const fee = feeSat;
        const given = await store.write(() => giveFitting(parts, mint, order, fee), 'disk');
        if (given !== undefined) {
          const { coins, ...spent } = given;
          return { ...spent, token: tokenOfCoins(seeds, coins, mint) };
        }
        if ((await store.read(() => treasuryWorth(mint.id))) < order.sat) return undefined;
        const paid = await splitting.split(mint, order.sat);
        if (paid === undefined) return undefined;
        feeSat += paid;
      }
      throw new RouterError('cashu_mint_busy', 'Too many payments need coins of this mint now.', {
        retryAfterS: 1,
      });
    },
    async spentToken(id) {
      const row = await store.read(() => tokenRow(id));
      const mint = row === undefined ? undefined : wallet.mints.byId(row.mint);
      if (mint === undefined) throw new Error(`the treasury gave no token ${id} of these mints`);
      return tokenOfCoins(seeds, await store.read(() => givenCoins(id)), mint);
    },
  };
}

interface Given<T> extends Omit<Spent<T>, 'token'> {
  readonly coins: readonly Coin[];
}

/** Chooses, gives and books in one transaction: no other payment can choose the same coins. Undefined when none fit. */
function* giveFitting<T>(
  { wallet, clock }: TreasuryOptions,
  mint: Mint,
  order: SpendOrder<T>,
  feeSat: bigint,
): Operation<Given<T> | undefined> {
  const coins = yield* fittingCoins(wallet.mints, mint, order.sat);
  if (coins === undefined) return undefined;
  const holder = `node:${order.node}` as const;
  const id = yield* giveToken({ mint, coins, holder, reason: 'bought', nowMs: clock.now() });
  const result = yield* order.record({ id, feeSat });
  return { id, feeSat, result, coins };
}
