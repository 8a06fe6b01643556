import { hash as digest } from 'node:crypto';

import { all, get, query, run } from '../store/operation.ts';
import type { Operation } from '../store/operation.ts';

/**
 * The books: `payer` and `operator` stand outside the house; `revenue` is what we earned, `mint_fee` what mints took from
 * payers' value, `router_fee` what they took for swaps of our own, `treasury` what the operator put in. A payer's account is
 * `account:<id>`. Outside stands also what other nodes have of ours: `node:<node>` is what one holds, `purchases` what was spent
 * on their answers, `purchase_loss` what was lost there (mint fees, dust, change withheld).
 */
export type Book =
  | 'payer'
  | 'operator'
  | 'revenue'
  | 'mint_fee'
  | 'router_fee'
  | 'treasury'
  | 'purchases'
  | 'purchase_loss'
  | NodeBook
  | `account:${string}`;

export type NodeBook = `node:${string}`;

export interface Entry {
  readonly debit: Book;
  readonly credit: Book;
  readonly amountMsat: bigint;
  readonly reason: string;
  readonly atMs: number;
}

interface EntryRow {
  readonly id: bigint;
  readonly at_ms: bigint;
  readonly debit: string;
  readonly credit: string;
  readonly amount_msat: bigint;
  readonly reason: string;
  readonly hash: Uint8Array;
}

const LAST = query<{ id: bigint; hash: Uint8Array }>(
  'SELECT id, hash FROM entry ORDER BY id DESC LIMIT 1',
);
const APPEND = query(
  'INSERT INTO entry (id, at_ms, debit, credit, amount_msat, reason, hash) VALUES (?, ?, ?, ?, ?, ?, ?)',
);
const PAGE = query<EntryRow>('SELECT * FROM entry WHERE id > ? ORDER BY id LIMIT ?');

const GENESIS = new Uint8Array(32);
const PAGE_ROWS = 1000n;

/** Appends one transfer to the hash chain. An amount of zero books nothing. */
export function* book(entry: Entry): Operation<void> {
  if (entry.amountMsat === 0n) return;
  const last = yield* get(LAST);
  const id = (last?.id ?? 0n) + 1n;
  const atMs = BigInt(entry.atMs);
  const hash = chain(last?.hash ?? GENESIS, [
    id,
    atMs,
    entry.debit,
    entry.credit,
    entry.amountMsat,
    entry.reason,
  ]);
  yield* run(APPEND, id, atMs, entry.debit, entry.credit, entry.amountMsat, entry.reason, hash);
}

/** Walks the whole chain; undefined when every hash fits, else the id of the first row that does not. */
export function* brokenEntry(): Operation<bigint | undefined> {
  let before = GENESIS;
  let id = 0n;
  for (;;) {
    const rows: EntryRow[] = yield* all(PAGE, id, PAGE_ROWS);
    if (rows.length === 0) return undefined;
    for (const row of rows) {
      const fields = [row.id, row.at_ms, row.debit, row.credit, row.amount_msat, row.reason];
      const expected = chain(before, fields);
      if (row.id !== id + 1n || !Buffer.from(row.hash).equals(expected)) return row.id;
      id = row.id;
      before = expected;
    }
  }
}

function chain(before: Uint8Array, fields: readonly (bigint | string)[]): Uint8Array<ArrayBuffer> {
  const text = `${Buffer.from(before).toString('hex')}|${fields.join('|')}`;
  return new Uint8Array(digest('sha256', text, 'buffer'));
}
