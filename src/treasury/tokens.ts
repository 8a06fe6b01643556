import { book } from '../ledger/entries.ts';
import type { NodeBook } from '../ledger/entries.ts';
import { get, query } from '../store/operation.ts';
import type { Operation } from '../store/operation.ts';
import { give, TREASURY } from '../wallet/coins.ts';
import type { Coin } from '../wallet/coins.ts';
import type { Mint } from '../wallet/mints.ts';
import { worthOf } from '../wallet/own-coins.ts';

/** A token that left the treasury. Its coins carry its id. */
export interface TokenRow {
  readonly id: bigint;
  readonly mint: bigint;
  readonly sat: bigint;
  readonly holder: string;
  readonly at_ms: bigint;
}

const INSERT = query<{ id: bigint }>(
  `INSERT INTO treasury_token (id, mint, sat, holder, at_ms)
   SELECT coalesce(max(id), 0) + 1, ?, ?, ?, ? FROM treasury_token RETURNING id`,
);
const SELECT = query<TokenRow>('SELECT * FROM treasury_token WHERE id = ?');
const LAST_SENT = query<TokenRow>(
  `SELECT * FROM treasury_token WHERE holder = 'operator' ORDER BY id DESC LIMIT 1`,
);

export interface Gift {
  readonly mint: Mint;
  readonly coins: readonly Coin[];
  readonly holder: 'operator' | NodeBook;
  readonly reason: string;
  readonly nowMs: number;
}

/**
 * Gives free treasury coins for good and books them; the token's id. Throws when one is not free or not the treasury's: then
 * nothing of the operation stays (S3).
 */
export function* giveToken(gift: Gift): Operation<bigint> {
  const { mint, coins, holder, reason, nowMs } = gift;
  const sat = worthOf(coins);
  const row = yield* get(INSERT, mint.id, sat, holder, BigInt(nowMs));
  if (row === undefined) throw new Error('the token was not written');
  yield* give(coins, TREASURY, row.id);
  yield* book({
    debit: 'treasury',
    credit: holder,
    amountMsat: sat * 1000n,
    reason,
    atMs: nowMs,
  });
  return row.id;
}

export function tokenRow(id: bigint): Operation<TokenRow | undefined> {
  return get(SELECT, id);
}

/** The token that the operator took last. */
export function lastSent(): Operation<TokenRow | undefined> {
  return get(LAST_SENT);
}
