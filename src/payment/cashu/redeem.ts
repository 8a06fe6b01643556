import { account, openAccount, openTotal } from '../../ledger/accounts.ts';
import { grant } from '../../ledger/grant.ts';
import { wait } from '../../ledger/holds.ts';
import type { AccountRow } from '../../ledger/sql.ts';
import { ceilToSat, msatOfSat } from '../../lib/amount.ts';
import { RouterError } from '../../lib/errors.ts';
import type { Operation } from '../../store/operation.ts';
import { redeemedBy } from '../../wallet/journal.ts';
import type { SwapOutcome } from '../../wallet/swap.ts';
import { alreadySpent, mintAway } from '../../wallet/token-errors.ts';
import { parseTokenFresh } from '../../wallet/token.ts';
import type { IncomingToken } from '../../wallet/token.ts';
import { insufficient } from './errors.ts';
import { redeemPlan } from './inputs.ts';
import type { CashuParts } from './parts.ts';
import { enlist, join, orGone, refine } from './pursuit.ts';
import type { Pursuit } from './pursuit.ts';

/** A request waits this long for its mint's lane; then it is answered 503, nothing sent. */
export const LANE_WAIT_MS = 15_000;

/** First presentation of a token: all checks, then the one swap, which every request with the same token joins. */
export async function present(parts: CashuParts, pursuit: Pursuit): Promise<void> {
  parts.refusals.check(pursuit.account);
  const token = await tokenOf(parts, pursuit);
  const worth = msatOfSat(token.amount - token.fee);
  const held = grant(pursuit.quote, { free: worth, running: 0n, waiting: 0n });
  // The free bound does not fit this token: count, before anything is taken.
  if ((held === undefined || held < pursuit.quote.wanted) && (await refine(pursuit))) return;
  if (held === undefined) throw insufficient(pursuit.quote, { balance_msat: worth, held_msat: 0n });
  if (token.mint.away) throw mintAway();
  parts.refused.check(pursuit.request.address);
  if (await rivalInWork(parts, pursuit, token)) return;
  const opened = await parts.store.write(() => open(parts, pursuit, token));
  if (opened.kind === 'exists') return;
  if (opened.kind === 'spent') throw remember(parts, pursuit, alreadySpent());
  if (opened.kind === 'full') throw mintFull();
  enlist(parts, pursuit, opened.id);
  const task = parts.tasks.start(
    pursuit.account,
    token.proofs.map(({ y }) => y),
    async () => redeem(parts, pursuit, token, ceilToSat(held)),
    (outcome) => refusal(parts, pursuit, outcome),
  );
  await orGone(pursuit, task.done);
}

async function tokenOf(parts: CashuParts, pursuit: Pursuit): Promise<IncomingToken> {
  const { text } = pursuit.request.credential;
  pursuit.token ??= await parseTokenFresh(text, parts.wallet.mints, parts.crypto);
  return pursuit.token;
}

/** Another account's task holds one of these coins: wait when it takes its own change back, refuse when it redeems them. */
async function rivalInWork(
  parts: CashuParts,
  pursuit: Pursuit,
  token: IncomingToken,
): Promise<boolean> {
  const ys = token.proofs.map(({ y }) => y);
  const holder = parts.tasks.holderOf(ys, pursuit.account);
  if (holder === undefined) return false;
  const rival = await parts.store.read(() => account(holder));
  if (rival?.state === 'redeeming')
    throw new RouterError(
      'cashu_token_overlaps',
      'Some coins of this token are just being redeemed with another token.',
    );
  const task = parts.tasks.get(holder);
  if (task !== undefined) await orGone(pursuit, task.over);
  return true;
}

type Opened =
  | { readonly kind: 'opened'; readonly id: bigint }
  | { readonly kind: 'exists' }
  | { readonly kind: 'spent' }
  | { readonly kind: 'full' };

function* open(parts: CashuParts, pursuit: Pursuit, token: IncomingToken): Operation<Opened> {
  if ((yield* account(pursuit.account)) !== undefined) return { kind: 'exists' };
  if ((yield* redeemedBy(token.proofs.map(({ y }) => y))) !== undefined) return { kind: 'spent' };
  if (yield* overfills(parts, token)) return { kind: 'full' };
  const nowMs = parts.clock.now();
  yield* openAccount({
    id: pursuit.account,
    mint: token.mint.id,
    unit: token.unit,
    mode: pursuit.request.credential.mode ?? parts.bearerChange,
    nowMs,
  });
  const id = yield* wait(pursuit.account, pursuit.request.requestId, nowMs);
  if (id === undefined) throw new Error('the account was not written');
  return { kind: 'opened', id };
}

async function redeem(
  parts: CashuParts,
  pursuit: Pursuit,
  token: IncomingToken,
  holdSat: bigint,
): Promise<SwapOutcome | undefined> {
  const turn = turnOf(parts, pursuit);
  const outcome = await parts.wallet.swap(token.mint, turn, async () => {
    if (!turn.isWanted()) return undefined;
    // Once more: others came through the mint's lane since.
    parts.refused.check(pursuit.request.address);
    if (await parts.store.read(() => overfills(parts, token))) throw mintFull();
    // Change should fit after all who came with it, not only after the first.
    const wantedSat = ceilToSat(parts.waiters.wanted(pursuit.account));
    return redeemPlan(token, pursuit.account, wantedSat > holdSat ? wantedSat : holdSat);
  });
  countIfOpen(parts, pursuit, outcome);
  return outcome;
}

/** A request's place in its mint's lane; wanted as long as somebody waits on its account. */
export function turnOf(parts: CashuParts, pursuit: Pursuit) {
  return {
    key: pursuit.request.address,
    deadlineMs: parts.clock.now() + LANE_WAIT_MS,
    isWanted: () => !parts.waiters.isEmpty(pursuit.account),
  };
}

/** Would this token make the mint's accounts hold more than they may? */
function* overfills(parts: CashuParts, token: IncomingToken): Operation<boolean> {
  const total = (yield* openTotal(token.mint.id)) + (token.amount - token.fee) * 1000n;
  return total > parts.maxOpenPerMint;
}

/** A swap that the mint leaves unclear costs more calls than one that it refuses. */
function countIfOpen(parts: CashuParts, pursuit: Pursuit, outcome: SwapOutcome | undefined): void {
  if (outcome?.kind === 'open') parts.refused.add(pursuit.request.address);
}

/** The token was sent before and nobody knows what became of it: its payer is here again, so it may be sent again. */
export async function resume(parts: CashuParts, pursuit: Pursuit, row: AccountRow): Promise<void> {
  const mint = parts.wallet.mints.byId(row.mint);
  if (mint === undefined) throw mintAway();
  const turn = turnOf(parts, pursuit);
  await join(parts, pursuit);
  if (parts.tasks.get(row.id) !== undefined) return;
  parts.refused.check(pursuit.request.address);
  const task = parts.tasks.start(
    row.id,
    [],
    async () => {
      const outcome = await parts.wallet.resume(mint, turn, row.id);
      countIfOpen(parts, pursuit, outcome);
      return outcome;
    },
    (outcome) => refusal(parts, pursuit, outcome),
  );
  await orGone(pursuit, task.done);
}

function refusal(
  parts: CashuParts,
  pursuit: Pursuit,
  outcome: SwapOutcome & { kind: 'refused' },
): RouterError {
  const { verdict } = outcome;
  if (verdict === 'keyset' || verdict === 'unsent') return mintAway();
  parts.refused.add(pursuit.request.address);
  const invalid = new RouterError('cashu_token_invalid', 'The mint refused this token.');
  return remember(parts, pursuit, verdict === 'spent' ? alreadySpent() : invalid);
}

function remember(parts: CashuParts, pursuit: Pursuit, error: RouterError): RouterError {
  parts.refusals.remember(pursuit.account, error);
  return error;
}

function mintFull(): RouterError {
  return new RouterError(
    'cashu_mint_limit_reached',
    'This node holds as much of this mint as it wants to; use another mint or try later.',
    { retryAfterS: 60 },
  );
}
