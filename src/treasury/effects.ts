import { book } from '../ledger/entries.ts';
import type { Book } from '../ledger/entries.ts';
import type { Clock } from '../lib/clock.ts';
import type { Operation } from '../store/operation.ts';
import type { SwapRow } from '../wallet/journal.ts';
import type { SwapEffect } from '../wallet/swap.ts';
import type { Wallet } from '../wallet/wallet.ts';
import type { CollectedChange } from './treasury.ts';

export interface EffectParts {
  readonly clock: Clock;
  readonly collected: (change: CollectedChange) => Operation<void>;
}

/** What verdicts on the treasury's swaps do to the books. */
export function registerEffects(wallet: Wallet, parts: EffectParts): void {
  const { clock } = parts;
  wallet.on(
    'fund',
    effect(function* (row) {
      yield* takeIn(row, 'operator', clock.now());
    }),
  );
  wallet.on(
    'split',
    effect((row) => payFee(row, clock.now())),
  );
  wallet.on(
    'consolidate',
    effect((row) => payFee(row, clock.now())),
  );
  wallet.on(
    'collect',
    effect((row) => collect(row, parts)),
  );
}

/** A refusal leaves nothing to undo: the wallet's own rows are all there is. */
function effect(applied: (row: SwapRow) => Operation<void>): SwapEffect {
  return { applied, *refused() {} };
}

function* collect(row: SwapRow, { clock, collected }: EffectParts): Operation<void> {
  const { node, reference, input_amount: grossSat, fee: feeSat } = row;
  if (node === null || reference === null) throw new Error('change was collected from nobody');
  yield* takeIn(row, `node:${node}`, clock.now());
  yield* collected({ node, reference, grossSat, feeSat });
}

function* takeIn(row: SwapRow, from: Book, atMs: number): Operation<void> {
  const amountMsat = row.input_amount * 1000n;
  yield* book({ debit: from, credit: 'treasury', amountMsat, reason: row.purpose, atMs });
  yield* payFee(row, atMs);
}

function* payFee(row: SwapRow, atMs: number): Operation<void> {
  const amountMsat = row.fee * 1000n;
  yield* book({ debit: 'treasury', credit: 'router_fee', amountMsat, reason: row.purpose, atMs });
}
