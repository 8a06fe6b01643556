import { checkLedger } from '../ledger/books.ts';
import type { Bought } from '../ledger/books.ts';
import { all, get, query } from '../store/operation.ts';
import type { Operation } from '../store/operation.ts';
import { coinsInHouse } from '../wallet/coins.ts';
import { openSwaps } from '../wallet/journal.ts';

const OVERDRAWN = query<{ id: string }>(
  `SELECT account.id AS id FROM account
   LEFT JOIN (SELECT owner, sum(amount) AS worth FROM coin WHERE state IN ('free', 'spending') GROUP BY owner) AS own
     ON own.owner = account.id
   WHERE account.state <> 'out' AND account.balance_msat / 1000 > coalesce(own.worth, 0) + 1 LIMIT 20`,
);
const TREASURY = query<{ worth: bigint }>(
  `SELECT coalesce(sum(amount), 0) AS worth FROM coin
   WHERE owner = 'treasury' AND state IN ('free', 'spending')`,
);
const UNBOOKED_TOKENS = query<{ given: bigint; booked: bigint }>(
  `SELECT coalesce((SELECT sum(sat) * 1000 FROM treasury_token), 0) AS given,
          coalesce((SELECT sum(amount_msat) FROM entry WHERE debit = 'treasury'
                    AND (credit = 'operator' OR substr(credit, 1, 5) = 'node:')), 0) AS booked`,
);
const UNBOOKED_CHANGE = query<{ swapped: bigint; booked: bigint }>(
  `SELECT coalesce((SELECT sum(input_amount) * 1000 FROM operation
                    WHERE purpose = 'collect' AND state = 'applied'), 0) AS swapped,
          coalesce((SELECT sum(amount_msat) FROM entry
                    WHERE substr(debit, 1, 5) = 'node:' AND credit = 'treasury'), 0) AS booked`,
);

export interface Books {
  /** What is wrong, in words; empty when everything balances. */
  readonly faults: readonly string[];
  readonly coinsSat: bigint;
  readonly treasurySat: bigint;
  readonly owedMsat: bigint;
  readonly revenueMsat: bigint;
  readonly bought: Bought;
  /** Requests that were charged, and that are still being answered. */
  readonly captured: bigint;
  readonly live: bigint;
  /** Swaps of which nobody knows yet what became of them. */
  readonly openSwaps: bigint;
}

/**
 * Checks the ledger against itself and against the coins in the house, to the msat. Reads only: safe beside a running router.
 * A coin that an open swap spends counts until the mint's word on it is known.
 */
export function* checkBooks(): Operation<Books> {
  const ledger = yield* checkLedger();
  const coinsSat = yield* coinsInHouse();
  const faults = [...ledger.faults];
  if (coinsSat * 1000n !== ledger.assetsMsat)
    faults.push(
      `the coins are worth ${coinsSat * 1000n} msat, the books say ${ledger.assetsMsat} msat`,
    );
  for (const { id } of yield* all(OVERDRAWN))
    faults.push(`account ${id}: it is owed more than its coins are worth`);
  const tokens = yield* get(UNBOOKED_TOKENS);
  if (tokens?.given !== tokens?.booked)
    faults.push('the tokens that left the treasury and what is booked for them differ');
  const change = yield* get(UNBOOKED_CHANGE);
  if (change?.swapped !== change?.booked)
    faults.push('the change that nodes gave back and what is booked for it differ');
  return {
    faults,
    coinsSat,
    treasurySat: (yield* get(TREASURY))?.worth ?? 0n,
    owedMsat: ledger.owedMsat,
    revenueMsat: ledger.revenueMsat,
    bought: ledger.bought,
    captured: ledger.captured,
    live: ledger.live,
    openSwaps: yield* openSwaps(),
  };
}
