import { markChangeGone, moveState } from '../../ledger/accounts.ts';
import { grant } from '../../ledger/grant.ts';
import { wait } from '../../ledger/holds.ts';
import type { AccountRow } from '../../ledger/sql.ts';
import { ceilToSat, msat, msatOfSat } from '../../lib/amount.ts';
import { RouterError } from '../../lib/errors.ts';
import type { Operation } from '../../store/operation.ts';
import { latestChange } from '../../wallet/coins.ts';
import type { Coin } from '../../wallet/coins.ts';
import type { Mint } from '../../wallet/mints.ts';
import { spendingFee, worthOf } from '../../wallet/own-coins.ts';
import { mintAway } from '../../wallet/token-errors.ts';
import { changeOutstanding, changeSpent, insufficient } from './errors.ts';
import { reclaimPlan } from './inputs.ts';
import type { CashuParts } from './parts.ts';
import { enlist, orGone, refine } from './pursuit.ts';
import type { Pursuit } from './pursuit.ts';
import { turnOf } from './redeem.ts';

/** A key may have its change taken back once in this time; in between it uses the balance. */
const RECLAIM_PAUSE_MS = 60_000;

/**
 * A Bearer key whose change is out is used again: takes all of that change back in one swap, if it is all still unspent.
 * From then on the account keeps its balance. Otherwise 402, and nothing changes hands.
 */
export async function reclaim(parts: CashuParts, pursuit: Pursuit, row: AccountRow): Promise<void> {
  const { mode, scheme } = pursuit.request.credential;
  // S8: change that was delivered as a token is its payer's; no other holder of the old token takes it back.
  if (row.mode === 'token' || mode === 'token' || scheme !== 'bearer') throw changeOutstanding();
  if (row.change_gone === 1n) throw changeSpent();
  const mint = parts.wallet.mints.byId(row.mint);
  if (mint === undefined || mint.away) throw mintAway();
  const coins = await parts.store.read(() => latestChange(row.id));
  if (coins.some((coin) => coin.state !== 'given')) {
    await parts.store.write(() => markChangeGone(row.id));
    throw changeSpent();
  }
  if (await refineIfShort(pursuit, row, { coins, mint })) return;
  checkPause(parts, row);
  parts.swaps.check(pursuit.request.address);
  if (await rivalInWork(parts, pursuit, coins)) return;
  const id = await parts.store.write(() => open(parts, pursuit));
  if (id === undefined) return;
  if (pursuit.waiter === undefined) enlist(parts, pursuit, id);
  parts.swaps.add(pursuit.request.address);
  const holdSat = ceilToSat(pursuit.quote.wanted);
  const turn = turnOf(parts, pursuit);
  const task = parts.tasks.start(
    row.id,
    coins.map(({ y }) => y),
    async () =>
      parts.wallet.swap(mint, turn, async () =>
        reclaimPlan(row, mint, { coins, seeds: parts.seeds, holdSat }),
      ),
    ({ verdict }) => (verdict === 'spent' ? changeSpent() : mintAway()),
  );
  await orGone(pursuit, task.done);
}

/** Only what still serves a request is taken back: sum - fee + dust reaches the floor. */
async function refineIfShort(
  pursuit: Pursuit,
  row: AccountRow,
  change: { readonly coins: readonly Coin[]; readonly mint: Mint },
): Promise<boolean> {
  const { coins, mint } = change;
  const worth = worthOf(coins) - spendingFee(coins, mint);
  const free = msat((worth > 0n ? msatOfSat(worth) : 0n) + row.balance_msat);
  const held = grant(pursuit.quote, { free, running: 0n, waiting: 0n });
  if ((held === undefined || held < pursuit.quote.wanted) && (await refine(pursuit))) return true;
  if (held === undefined || worth <= 0n)
    throw insufficient(pursuit.quote, { balance_msat: free, held_msat: 0n });
  return false;
}

function checkPause(parts: CashuParts, row: AccountRow): void {
  const restMs = Number(row.reclaimed_at_ms) + RECLAIM_PAUSE_MS - parts.clock.now();
  if (restMs <= 0) return;
  throw new RouterError(
    'rate_limited',
    'The change of this key was taken back less than a minute ago.',
    { retryAfterS: Math.ceil(restMs / 1000) },
  );
}

/** Somebody is just redeeming coins of this change: wait for the mint's word on them. */
async function rivalInWork(
  parts: CashuParts,
  pursuit: Pursuit,
  coins: readonly Coin[],
): Promise<boolean> {
  const ys = coins.map(({ y }) => y);
  const holder = parts.tasks.holderOf(ys, pursuit.account);
  const task = holder === undefined ? undefined : parts.tasks.get(holder);
  if (task === undefined) return false;
  await orGone(pursuit, task.over);
  return true;
}

function* open(parts: CashuParts, pursuit: Pursuit): Operation<bigint | undefined> {
  if (!(yield* moveState(pursuit.account, 'out', 'reclaiming'))) return undefined;
  if (pursuit.waiter !== undefined) return pursuit.waiter.id;
  return yield* wait(pursuit.account, pursuit.request.requestId, parts.clock.now());
}
