import { account, moveState } from '../../ledger/accounts.ts';
import type { AccountRow } from '../../ledger/sql.ts';
import { RouterError } from '../../lib/errors.ts';
import type { Operation } from '../../store/operation.ts';
import { latestChange, markSpent } from '../../wallet/coins.ts';
import type { Coin } from '../../wallet/coins.ts';
import { MintFailure } from '../../wallet/mint-failure.ts';
import type { Mint } from '../../wallet/mints.ts';
import { worthOf } from '../../wallet/own-coins.ts';
import type { SwapOutcome } from '../../wallet/swap.ts';
import { mintAway } from '../../wallet/token-errors.ts';
import { cutChange, give } from './change.ts';
import type { Cut } from './change.ts';
import { refundPlan } from './inputs.ts';
import type { CashuParts } from './parts.ts';
import { LANE_WAIT_MS } from './redeem.ts';

export interface Refund {
  readonly coins: readonly Coin[];
  readonly amountSat: bigint;
  readonly mint: Mint;
}

/**
 * What is left of a token, as the coins of one change token, computed from the coins' rows: the same answer however often it
 * is asked, until the mint says all of them are spent. RouterError: 404 unknown, 425 in use, 400 nothing left, 410 collected.
 */
export async function refund(parts: CashuParts, id: string, address: string): Promise<Refund> {
  for (;;) {
    const row = await parts.store.read(() => account(id));
    if (row === undefined)
      throw new RouterError('refund_not_found', 'This token was never presented here.');
    const mint = parts.wallet.mints.byId(row.mint);
    if (mint === undefined) throw mintAway();
    if (parts.tasks.get(id) !== undefined || row.running > 0n || row.waiting > 0n) throw pending();
    if (row.state === 'out') return outstanding(parts, row, { mint, address });
    if (row.state === 'open') await cutOrSwap(parts, row, { mint, address });
    else if ((await resolved(parts, row)) === undefined)
      return outstanding(parts, row, { mint, address });
  }
}

/** Looks at an account's open swap. Undefined: it is still open, and what was given before is all there is. */
async function resolved(parts: CashuParts, row: AccountRow): Promise<SwapOutcome | undefined> {
  const outcome = await parts.wallet.look(row.id);
  if (outcome !== undefined && outcome.kind !== 'open') return outcome;
  if (row.state === 'reclaiming') return undefined;
  throw pending();
}

interface Where {
  readonly mint: Mint;
  readonly address: string;
}

async function outstanding(parts: CashuParts, row: AccountRow, where: Where): Promise<Refund> {
  const coins = await parts.store.read(() => latestChange(row.id));
  const given = coins.filter((coin) => coin.state === 'given');
  if (coins.length === 0) throw nothingLeft();
  const unspent = await unspentOf(parts, given, where);
  if (unspent.length === 0)
    throw new RouterError('refund_collected', 'The change of this token was collected and spent.');
  return { coins: unspent, amountSat: worthOf(unspent), mint: where.mint };
}

/** NUT-07. A mint that does not answer takes nothing from the payer: then all of them count as unspent. */
async function unspentOf(
  parts: CashuParts,
  coins: readonly Coin[],
  { mint, address }: Where,
): Promise<readonly Coin[]> {
  if (coins.length === 0) return coins;
  parts.swaps.check(address);
  parts.swaps.add(address);
  try {
    const states = await mint.client.check(coins.map(({ y }) => y));
    const spent = coins.filter((_, index) => states[index] === 'SPENT').map(({ y }) => y);
    if (spent.length > 0) await parts.store.write(() => markSpent(spent));
    return coins.filter((_, index) => states[index] !== 'SPENT');
  } catch (error) {
    if (!(error instanceof MintFailure)) throw error;
    return coins;
  }
}

/** Gives what is left: at once where the account's coins make it, else after one swap that makes them fit. */
async function cutOrSwap(
  parts: CashuParts,
  row: AccountRow,
  { mint, address }: Where,
): Promise<void> {
  const cut = await parts.store.write(() => cutIdle(parts, row.id, mint), 'disk');
  if (cut === undefined || cut.kind === 'cut') return;
  if (cut.kind === 'nothing') throw nothingLeft();
  const { coins, amount } = cut;
  const plan = refundPlan(row, mint, { coins, seeds: parts.seeds, amount });
  if (plan === undefined) {
    await parts.store.write(() => giveWhatFits(parts, row.id, amount, coins), 'disk');
    return;
  }
  parts.swaps.check(address);
  parts.swaps.add(address);
  const started = await parts.store.write(() => beginRefund(row.id));
  if (!started || parts.tasks.get(row.id) !== undefined) return;
  const turn = { key: address, deadlineMs: parts.clock.now() + LANE_WAIT_MS };
  const task = parts.tasks.start(
    row.id,
    [],
    async () => parts.wallet.swap(mint, turn, async () => plan),
    mintAway,
  );
  await task.done;
}

function* cutIdle(parts: CashuParts, id: string, mint: Mint): Operation<Cut | undefined> {
  const row = yield* idle(id);
  return row === undefined ? undefined : yield* cutChange(row, mint, parts.clock.now());
}

/** The missing rest is worth no more than the fee of making it: it stays on the account. */
function* giveWhatFits(
  parts: CashuParts,
  id: string,
  amount: bigint,
  coins: readonly Coin[],
): Operation<void> {
  if ((yield* idle(id)) === undefined) return;
  let missing = amount;
  const fitting = coins.filter((coin) => {
    if (coin.amount > missing) return false;
    missing -= coin.amount;
    return true;
  });
  if (fitting.length === 0) throw nothingLeft();
  yield* give(id, fitting, parts.clock.now());
}

function* beginRefund(id: string): Operation<boolean> {
  if ((yield* idle(id)) === undefined) return false;
  return yield* moveState(id, 'open', 'refunding');
}

function* idle(id: string): Operation<AccountRow | undefined> {
  const row = yield* account(id);
  const isIdle = row?.state === 'open' && row.running === 0n && row.waiting === 0n;
  return isIdle ? row : undefined;
}

function pending(): RouterError {
  return new RouterError(
    'refund_pending',
    'Requests of this token are still running; ask again in a moment.',
    { retryAfterS: 2 },
  );
}

function nothingLeft(): RouterError {
  return new RouterError('refund_empty', 'No balance to refund');
}
