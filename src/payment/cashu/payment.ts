import { setMode } from '../../ledger/accounts.ts';
import { capture } from '../../ledger/holds.ts';
import type { Captured } from '../../ledger/holds.ts';
import type { AccountRow } from '../../ledger/sql.ts';
import { minMsat, msat } from '../../lib/amount.ts';
import { ERRORS } from '../../lib/errors.ts';
import type { Operation } from '../../store/operation.ts';
import { releaseToTreasury } from '../../wallet/coins.ts';
import type { Coin } from '../../wallet/coins.ts';
import type { Mint } from '../../wallet/mints.ts';
import { tokenOfCoins } from '../../wallet/own-coins.ts';
import type { Payment, PaymentEnd, Settlement } from '../rail.ts';
import type { Grant } from './acquire.ts';
import { cutChange } from './change.ts';
import type { Cut } from './change.ts';
import { REFUND_PATH } from './errors.ts';
import type { Leases } from './leases.ts';
import type { CashuParts } from './parts.ts';
import type { CashuRequest } from './pursuit.ts';

/** Proxies in front of us allow 4 kB of response headers; a Bearer client can read the body instead. */
const MAX_HEADER_CHANGE = 2500;

export interface PaymentParts extends CashuParts {
  readonly leases: Leases;
}

/** The hold of one request, until it is settled. */
export function createPayment(parts: PaymentParts, request: CashuRequest, grant: Grant): Payment {
  const lease = parts.leases.begin(grant.id);
  let settled: Promise<Settlement> | undefined;
  return {
    id: String(grant.id),
    held: grant.held,
    maxOutputTokens: grant.quote.outputTokensWithin(grant.held),
    meter(charge) {
      lease.meter(minMsat(charge, grant.held));
    },
    async settle(end) {
      lease.end();
      settled ??= settle(parts, { request, grant, end });
      return settled;
    },
  };
}

interface Ending {
  readonly request: CashuRequest;
  readonly grant: Grant;
  readonly end: PaymentEnd;
}

async function settle(parts: PaymentParts, ending: Ending): Promise<Settlement> {
  const { grant, end, request } = ending;
  const cuts = wantsChange(request, grant.account, end);
  // Coins must be on disk as given before anyone sees them.
  const { captured, cut } = await parts.store.write(
    () => settleOperation(parts, ending, cuts),
    cuts ? 'disk' : 'process',
  );
  parts.waiters.wake(grant.account.id);
  if (end.charge > grant.held)
    parts.log.info(
      { hold: String(grant.id), shortMsat: Number(end.charge - grant.held) },
      'an answer cost more than was held; the rest is ours to bear',
    );
  const mint = parts.wallet.mints.byId(grant.account.mint);
  const change =
    cut?.kind === 'cut' && mint !== undefined ? changeOf(parts, request, cut, mint) : undefined;
  const given = cut?.kind === 'cut' ? cut.amount * 1000n : 0n;
  const balance = msat(captured.account.balance_msat - given);
  return {
    charge: captured.charge,
    balance,
    change,
    headers: {
      'x-nutroute-balance-msat': String(balance),
      ...(balance >= 1000n ? { 'x-nutroute-refund': REFUND_PATH } : {}),
    },
  };
}

function* settleOperation(
  parts: PaymentParts,
  { grant, end, request }: Ending,
  cuts: boolean,
): Operation<{ captured: Captured; cut: Cut | undefined }> {
  const nowMs = parts.clock.now();
  const captured = yield* capture(grant.id, end.charge, nowMs);
  if (captured === undefined) throw new Error('a hold was captured twice');
  const cut = yield* endOfRequest(parts, captured.account, cuts);
  // S8: delivered as a token, the change is its payer's, whoever else knows the key.
  if (cut?.kind === 'cut' && request.credential.mode === 'token')
    yield* setMode(captured.account.id, 'token');
  return { captured, cut };
}

/** The last running or waiting request of an account has ended: its change may leave. */
export function* endOfRequest(
  parts: CashuParts,
  account: AccountRow,
  cuts: boolean,
): Operation<Cut | undefined> {
  const idle = account.state === 'open' && account.running === 0n && account.waiting === 0n;
  if (!idle) return undefined;
  if (account.balance_msat < 1000n) {
    yield* releaseToTreasury(account.id);
    return undefined;
  }
  const mint = parts.wallet.mints.byId(account.mint);
  if (!cuts || mint === undefined) return undefined;
  return yield* cutChange(account, mint, parts.clock.now());
}

/**
 * Change leaves unless the account keeps its balance, nobody is there to take it, or the error is one that SDKs answer by
 * sending the same key again.
 */
function wantsChange(request: CashuRequest, account: AccountRow, end: PaymentEnd): boolean {
  if ((request.credential.mode ?? account.mode) === 'keep' || end.payerGone) return false;
  const resent = end.error !== undefined && ERRORS[end.error].resend === 'later';
  return !(resent && request.credential.scheme === 'bearer');
}

export function changeOf(
  parts: CashuParts,
  request: CashuRequest,
  cut: { readonly coins: readonly Coin[]; readonly amount: bigint },
  mint: Mint,
): NonNullable<Settlement['change']> {
  const token = tokenOfCoins(parts.seeds, cut.coins, mint);
  const header = request.credential.scheme !== 'bearer' || token.length <= MAX_HEADER_CHANGE;
  return { token, amountSat: cut.amount, header };
}
