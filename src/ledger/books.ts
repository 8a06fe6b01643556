import { all, get, query } from '../store/operation.ts';
import type { Operation, Query } from '../store/operation.ts';
import { brokenEntry } from './entries.ts';

const WRONG_BALANCES = query<{ id: string }>(
  `SELECT account.id AS id FROM account
   LEFT JOIN (SELECT credit AS book, sum(amount_msat) AS total FROM entry GROUP BY credit) AS came
     ON came.book = 'account:' || account.id
   LEFT JOIN (SELECT debit AS book, sum(amount_msat) AS total FROM entry GROUP BY debit) AS went
     ON went.book = 'account:' || account.id
   WHERE coalesce(came.total, 0) - coalesce(went.total, 0) <> account.balance_msat LIMIT 20`,
);
const WRONG_HOLDS = query<{ id: string }>(
  `SELECT account.id AS id FROM account
   LEFT JOIN (SELECT account, sum(held_msat) AS held,
                sum(CASE WHEN state = 'running' THEN 1 ELSE 0 END) AS running,
                sum(CASE WHEN state = 'waiting' THEN 1 ELSE 0 END) AS waiting
              FROM hold WHERE state IN ('running', 'waiting') GROUP BY account) AS live
     ON live.account = account.id
   WHERE coalesce(live.held, 0) <> account.held_msat OR coalesce(live.running, 0) <> account.running
      OR coalesce(live.waiting, 0) <> account.waiting LIMIT 20`,
);
const UNBOOKED_CHARGES = query<{ captured: bigint; booked: bigint }>(
  `SELECT coalesce((SELECT sum(charge_msat) FROM hold), 0) AS captured,
          coalesce((SELECT sum(amount_msat) FROM entry WHERE credit = 'revenue'), 0) AS booked`,
);
const NET = query<{ net: bigint }>(
  `SELECT coalesce((SELECT sum(amount_msat) FROM entry WHERE debit IN ('payer', 'operator')), 0)
        - coalesce((SELECT sum(amount_msat) FROM entry
                    WHERE credit IN ('payer', 'operator', 'mint_fee', 'router_fee')), 0) AS net`,
);
const OWED = query<{ total: bigint }>(
  'SELECT coalesce(sum(balance_msat), 0) AS total FROM account',
);
const REVENUE = query<{ total: bigint }>(
  `SELECT coalesce(sum(amount_msat), 0) AS total FROM entry WHERE credit = 'revenue'`,
);
const HOLDS = query<{ captured: bigint; live: bigint }>(
  `SELECT coalesce(sum(CASE WHEN state = 'captured' THEN 1 ELSE 0 END), 0) AS captured,
          coalesce(sum(CASE WHEN state IN ('running', 'waiting') THEN 1 ELSE 0 END), 0) AS live FROM hold`,
);

export interface LedgerBooks {
  /** What is wrong, in words with account ids; empty when the books balance. */
  readonly faults: readonly string[];
  /** What the coins in the house must be worth, msat. */
  readonly assetsMsat: bigint;
  readonly owedMsat: bigint;
  readonly revenueMsat: bigint;
  readonly captured: bigint;
  readonly live: bigint;
}

/** Checks the ledger against itself: the hash chain, every balance against its entries, holds, and charges against revenue. */
export function* checkLedger(): Operation<LedgerBooks> {
  const faults: string[] = [];
  const broken = yield* brokenEntry();
  if (broken !== undefined) faults.push(`the audit chain is broken at entry ${broken}`);
  for (const { id } of yield* all(WRONG_BALANCES))
    faults.push(`account ${id}: the balance is not the sum of its entries`);
  for (const { id } of yield* all(WRONG_HOLDS))
    faults.push(`account ${id}: what is held is not the sum of its holds`);
  const charges = yield* aggregate(UNBOOKED_CHARGES);
  if (charges.captured !== charges.booked)
    faults.push('captured charges and booked revenue differ');
  const holds = yield* aggregate(HOLDS);
  return {
    faults,
    assetsMsat: (yield* aggregate(NET)).net,
    owedMsat: (yield* aggregate(OWED)).total,
    revenueMsat: (yield* aggregate(REVENUE)).total,
    captured: holds.captured,
    live: holds.live,
  };
}

function* aggregate<Row>(query: Query<Row>): Operation<Row> {
  const row = yield* get(query);
  if (row === undefined) throw new Error('an aggregate gave no row');
  return row;
}
