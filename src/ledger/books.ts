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
/** What lies outside the house: coins came in from there, and went out to there. */
const NET = query<{ net: bigint }>(
  `SELECT coalesce((SELECT sum(amount_msat) FROM entry
                    WHERE debit IN ('payer', 'operator', 'purchases', 'purchase_loss') OR substr(debit, 1, 5) = 'node:'), 0)
        - coalesce((SELECT sum(amount_msat) FROM entry
                    WHERE credit IN ('payer', 'operator', 'mint_fee', 'router_fee', 'purchases', 'purchase_loss')
                       OR substr(credit, 1, 5) = 'node:'), 0) AS net`,
);
const NODES = query<{ book: string; held: bigint }>(
  `SELECT book, sum(amount) AS held FROM (
     SELECT credit AS book, amount_msat AS amount FROM entry WHERE substr(credit, 1, 5) = 'node:'
     UNION ALL SELECT debit, -amount_msat FROM entry WHERE substr(debit, 1, 5) = 'node:') AS moved
   GROUP BY book HAVING sum(amount) <> 0 ORDER BY held DESC`,
);
const SPENT = query<{ purchases: bigint; losses: bigint }>(
  `SELECT coalesce(sum(CASE WHEN credit = 'purchases' THEN amount_msat WHEN debit = 'purchases' THEN -amount_msat ELSE 0 END), 0)
            AS purchases,
          coalesce(sum(CASE WHEN credit = 'purchase_loss' THEN amount_msat
                            WHEN debit = 'purchase_loss' THEN -amount_msat ELSE 0 END), 0) AS losses FROM entry`,
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

/** What became of money that was given to other nodes, msat. */
export interface Bought {
  /** What each node still has of ours, largest first; below 0 for one that gave back more than it was given. */
  readonly atNodes: readonly { readonly node: string; readonly msat: bigint }[];
  readonly purchasesMsat: bigint;
  readonly lossesMsat: bigint;
}

export interface LedgerBooks {
  /** What is wrong, in words with account ids; empty when the books balance. */
  readonly faults: readonly string[];
  /** What the coins in the house must be worth, msat. */
  readonly assetsMsat: bigint;
  readonly owedMsat: bigint;
  readonly revenueMsat: bigint;
  readonly bought: Bought;
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
    bought: yield* boughtOf(),
    captured: holds.captured,
    live: holds.live,
  };
}

function* boughtOf(): Operation<Bought> {
  const held = yield* all(NODES);
  const { purchases, losses } = yield* aggregate(SPENT);
  return {
    atNodes: held.map(({ book, held: msat }) => ({ node: book.slice('node:'.length), msat })),
    purchasesMsat: purchases,
    lossesMsat: losses,
  };
}

function* aggregate<Row>(query: Query<Row>): Operation<Row> {
  const row = yield* get(query);
  if (row === undefined) throw new Error('an aggregate gave no row');
  return row;
}
