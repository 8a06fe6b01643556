import { RouterError } from '../lib/errors.ts';
import { all, get, query, run } from '../store/operation.ts';
import type { Operation } from '../store/operation.ts';
import type { SeedName } from './seeds.ts';

/** One of our own proofs: born as the output of our own swap. Its secret derives from (seed, keyset, counter). */
export interface Coin {
  readonly y: Uint8Array;
  readonly mint: bigint;
  readonly keyset: string;
  readonly amount: bigint;
  readonly seed: SeedName;
  readonly counter: bigint;
  readonly c: Uint8Array;
  /** An account id, or `treasury`. */
  readonly owner: string;
  readonly state: 'free' | 'given' | 'spending' | 'spent';
  /** Which of its owner's changes it was given in; null while it was never given. */
  readonly change: bigint | null;
  readonly made_by: bigint;
}

export type NewCoin = Omit<Coin, 'state' | 'change'>;

export const TREASURY = 'treasury';

const INSERT = query(
  `INSERT INTO coin (y, mint, keyset, amount, seed, counter, c, owner, state, made_by)
   VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'free', ?)`,
);
const OF_OWNER = query<Coin>(
  'SELECT * FROM coin WHERE owner = ? AND state = ? ORDER BY amount DESC, counter',
);
const BY_Y = query<Coin>('SELECT * FROM coin WHERE y = ?');
const GIVE = query(
  `UPDATE coin SET state = 'given', given_to = ?, change = ? WHERE y = ? AND state = 'free'`,
);
const LAST_CHANGE = query<{ last: bigint | null }>(
  'SELECT max(change) AS last FROM coin WHERE owner = ?',
);
const OF_CHANGE = query<Coin>(
  'SELECT * FROM coin WHERE owner = ? AND change = ? ORDER BY amount, counter',
);
const TO_TREASURY = query(`UPDATE coin SET owner = 'treasury' WHERE owner = ? AND state = 'free'`);
const SPEND = query(`UPDATE coin SET state = 'spending' WHERE y = ? AND state = 'free'`);
const UNSPEND = query(`UPDATE coin SET state = 'free' WHERE y = ? AND state = 'spending'`);
const SPENT = query(
  `UPDATE coin SET state = 'spent' WHERE y = ? AND state IN ('given', 'spending')`,
);
const IN_HOUSE = query<{ total: bigint }>(
  `SELECT coalesce(sum(amount), 0) AS total FROM coin WHERE state IN ('free', 'spending')`,
);
const TREASURY_TOTAL = query<{ mint: bigint; total: bigint; coins: bigint }>(
  `SELECT mint, sum(amount) AS total, count(*) AS coins FROM coin
   WHERE owner = 'treasury' AND state = 'free' GROUP BY mint`,
);

const FUNDED = query<{ url: string }>(
  `SELECT DISTINCT mint.url AS url FROM coin JOIN mint ON mint.id = coin.mint
   WHERE coin.owner = 'treasury' AND coin.state = 'free'`,
);

export function* insertCoin(coin: NewCoin): Operation<void> {
  const { y, mint, keyset, amount, seed, counter, c, owner, made_by } = coin;
  yield* run(INSERT, y, mint, keyset, amount, seed, counter, c, owner, made_by);
}

/** An owner's coins in one state, largest first. */
export function coinsOf(owner: string, state: Coin['state']): Operation<Coin[]> {
  return all(OF_OWNER, owner, state);
}

export function coin(y: Uint8Array): Operation<Coin | undefined> {
  return get(BY_Y, y);
}

/** Hands free coins to their owner as its next change. Throws when one is not free, or not `owner`'s. */
export function* giveCoins(coins: readonly Coin[], owner: string): Operation<void> {
  yield* give(coins, owner, ((yield* get(LAST_CHANGE, owner))?.last ?? 0n) + 1n);
}

/** Hands free coins to their owner as its change of this number. Throws as `giveCoins` does. */
export function* give(coins: readonly Coin[], owner: string, change: bigint): Operation<void> {
  for (const { y } of coins)
    if ((yield* run(GIVE, owner, change, y)) !== 1) throw new Error('a coin to give is not free');
}

/** The coins of an owner's latest change, spent or not; empty when it never had one. */
export function* latestChange(owner: string): Operation<Coin[]> {
  const last = (yield* get(LAST_CHANGE, owner))?.last ?? null;
  return last === null ? [] : yield* all(OF_CHANGE, owner, last);
}

/** What is left of a settled account's free coins becomes the router's. */
export function* releaseToTreasury(owner: string): Operation<number> {
  return yield* run(TO_TREASURY, owner);
}

/** A coin that was chosen went elsewhere before it was set aside: choose again. */
export class CoinTaken extends RouterError {
  constructor() {
    super('cashu_mint_busy', 'Some of our coins were just given out.', { retryAfterS: 1 });
  }
}

/** Sets free coins aside as inputs of an operation. Throws CoinTaken when one is not free. */
export function* spendCoins(ys: readonly Uint8Array[]): Operation<void> {
  for (const y of ys) if ((yield* run(SPEND, y)) !== 1) throw new CoinTaken();
}

/** After a refusal: coins set aside as inputs are free again. Others are left alone. */
export function* unspendCoins(ys: readonly Uint8Array[]): Operation<void> {
  for (const y of ys) yield* run(UNSPEND, y);
}

/** The mint has these coins: whichever of them were ours (given out or set aside) are spent. */
export function* markSpent(ys: readonly Uint8Array[]): Operation<void> {
  for (const y of ys) yield* run(SPENT, y);
}

/** The worth of all coins in the house, in their unit. */
export function* coinsInHouse(): Operation<bigint> {
  return (yield* get(IN_HOUSE))?.total ?? 0n;
}

export function treasuryTotals(): Operation<{ mint: bigint; total: bigint; coins: bigint }[]> {
  return all(TREASURY_TOTAL);
}

/** Mints at which the treasury has anything free. */
export function fundedMints(): Operation<{ url: string }[]> {
  return all(FUNDED);
}
