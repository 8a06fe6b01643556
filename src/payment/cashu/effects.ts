import {
  account,
  credit,
  debit,
  dropAccount,
  markChangeGone,
  markReclaimed,
  moveRest,
  moveState,
  setMode,
} from '../../ledger/accounts.ts';
import type { Clock } from '../../lib/clock.ts';
import { hexOf } from '../../lib/hex.ts';
import type { Operation } from '../../store/operation.ts';
import { coin, latestChange } from '../../wallet/coins.ts';
import { inputsOf } from '../../wallet/journal.ts';
import type { SwapRow } from '../../wallet/journal.ts';
import type { Mints } from '../../wallet/mints.ts';
import type { SwapEffect } from '../../wallet/swap.ts';
import type { Wallet } from '../../wallet/wallet.ts';
import { cutChange } from './change.ts';

export interface EffectParts {
  readonly clock: Clock;
  readonly mints: Mints;
  /** Grants the holds of the requests that wait on this account, in the transaction that opens it. */
  readonly grantWaiting: (account: string) => Operation<void>;
}

/** What verdicts on the swaps of payers' accounts do to the books. */
export function registerEffects(wallet: Wallet, parts: EffectParts): void {
  wallet.on('redeem', redeem(parts));
  wallet.on('reclaim', reclaim(parts));
  wallet.on('refund', refund(parts));
}

/** Books a payer's coins in: the token's worth to the account, the mint's fee off it. */
function* takeIn(row: SwapRow, reason: string, nowMs: number): Operation<void> {
  const gross = { account: row.owner, amountMsat: row.input_amount * 1000n, reason, nowMs };
  yield* credit({ ...gross, other: 'payer' });
  yield* payFee(row, nowMs);
}

function* payFee(row: SwapRow, nowMs: number): Operation<void> {
  const fee = { account: row.owner, amountMsat: row.fee * 1000n, reason: row.purpose, nowMs };
  yield* debit({ ...fee, other: 'mint_fee' });
}

function redeem({ clock, grantWaiting }: EffectParts): SwapEffect {
  return {
    *applied(row) {
      const nowMs = clock.now();
      yield* takeIn(row, 'token', nowMs);
      if (!(yield* moveState(row.owner, 'redeeming', 'open')))
        throw new Error('a token was redeemed for an account that does not wait for it');
      yield* inheritDust(row, nowMs);
      yield* grantWaiting(row.owner);
    },
    *refused(row) {
      yield* dropAccount(row.owner, clock.now());
    },
  };
}

/** The dust of an account goes, once, to the account that presents all of its change. */
function* inheritDust(row: SwapRow, nowMs: number): Operation<void> {
  const inputs = yield* inputsOf(row.id);
  const presented = new Set(inputs.map(hexOf));
  const owners = new Set<string>();
  for (const y of inputs) {
    const given = yield* coin(y);
    if (given !== undefined) owners.add(given.owner);
  }
  for (const owner of owners) {
    const before = yield* account(owner);
    const change = yield* latestChange(owner);
    if (before?.state === 'out' && change.every(({ y }) => presented.has(hexOf(y))))
      yield* moveRest(owner, row.owner, nowMs);
  }
}

function reclaim({ clock, grantWaiting }: EffectParts): SwapEffect {
  return {
    *applied(row) {
      const nowMs = clock.now();
      yield* takeIn(row, 'change taken back', nowMs);
      if (!(yield* moveState(row.owner, 'reclaiming', 'open')))
        throw new Error('change was taken back for an account that does not wait for it');
      yield* setMode(row.owner, 'keep');
      yield* markReclaimed(row.owner, nowMs);
      yield* grantWaiting(row.owner);
    },
    *refused(row, verdict) {
      yield* moveState(row.owner, 'reclaiming', 'out');
      if (verdict === 'spent') yield* markChangeGone(row.owner);
    },
  };
}

function refund({ clock, mints, grantWaiting }: EffectParts): SwapEffect {
  return {
    *applied(row) {
      const nowMs = clock.now();
      yield* payFee(row, nowMs);
      if (!(yield* moveState(row.owner, 'refunding', 'open')))
        throw new Error('coins were made to fit for an account that does not wait for them');
      const open = yield* account(row.owner);
      const mint = mints.byId(row.mint);
      if (open === undefined || mint === undefined) return;
      // A request that came meanwhile goes first; the refund can be asked for again.
      if (open.waiting > 0n) yield* grantWaiting(row.owner);
      else yield* cutChange(open, mint, nowMs);
    },
    *refused(row) {
      yield* moveState(row.owner, 'refunding', 'open');
    },
  };
}
