import type { Crypto } from '../crypto/crypto.ts';
import type { Clock } from '../lib/clock.ts';
import { RouterError } from '../lib/errors.ts';
import { hexOf } from '../lib/hex.ts';
import type { Log } from '../lib/log.ts';
import type { Operation } from '../store/operation.ts';
import type { Store } from '../store/store.ts';
import { insertCoin } from './coins.ts';
import * as journal from './journal.ts';
import type { Purpose, SwapRow, SwapSource } from './journal.ts';
import type { Keyset } from './keyset.ts';
import { MintFailure } from './mint-failure.ts';
import type { MintFailureReason } from './mint-failure.ts';
import { reserveCounters } from './mint-sql.ts';
import type { BlindSignature } from './mint-wire.ts';
import type { Mint } from './mints.ts';
import { deriveOutputs, rangeOf, unblindAll } from './outputs.ts';
import { open as unseal, seal } from './seeds.ts';
import type { SeedName, Seeds } from './seeds.ts';

/** What a verdict does beyond the wallet's own rows, in the same transaction. Runs also in recovery, with nobody waiting. */
export interface SwapEffect {
  applied(row: SwapRow): Operation<void>;
  refused(row: SwapRow, verdict: RefusedVerdict): Operation<void>;
}

/** `unsent`: the mint never got it. The others are the mint's own definite words. */
export type RefusedVerdict = 'spent' | 'keyset' | 'rejected' | 'unsent';

export type SwapOutcome =
  | { readonly kind: 'applied' }
  | { readonly kind: 'refused'; readonly verdict: RefusedVerdict }
  /** Nobody knows: evidence decides later. */
  | { readonly kind: 'open' };

export interface SwapInput {
  readonly y: Uint8Array;
  readonly keyset: string;
  readonly amount: bigint;
  readonly secret: string;
  readonly C: Uint8Array;
}

export interface SwapPlan {
  readonly mint: Mint;
  readonly purpose: Purpose;
  readonly owner: string;
  readonly seed: SeedName;
  readonly inputs: readonly SwapInput[];
  /** Active keyset of the outputs. */
  readonly keyset: Keyset;
  /** Amounts of the outputs; inputs - fee = outputs. */
  readonly outputs: readonly bigint[];
  readonly fee: bigint;
  /** Of a `collect`. */
  readonly from?: SwapSource;
}

export interface SwapParts {
  readonly store: Store;
  readonly crypto: Crypto;
  readonly seeds: Seeds;
  readonly clock: Clock;
  readonly log: Log;
  readonly effectOf: (purpose: Purpose) => SwapEffect;
  /** Takes in what the mint signed of an open operation, and of others that share an input, before it is called spent. */
  readonly settleSigned: (id: bigint) => Promise<void>;
}

/** Failures after which it is certain that the mint did nothing with the first attempt. */
const DEFINITE: Partial<Record<MintFailureReason, RefusedVerdict>> = {
  unsent: 'unsent',
  rate: 'unsent',
  spent: 'spent',
  keyset: 'keyset',
  rejected: 'rejected',
};

/** How long nobody looks at an operation that its requester just gave up on. */
const FIRST_LOOK_MS = 500;
/** How long the resolver leaves an operation to the request that sends it: longer than a swap may take. */
const IN_WORK_MS = 60_000;

/**
 * Journals a swap on disk, sends it once, and closes it where the mint's answer is definite; else it stays open.
 * Must run in its mint's lane. Throws RouterError when an input is held by another operation in work.
 */
export async function sendSwap(
  parts: SwapParts,
  plan: SwapPlan,
): Promise<SwapOutcome & { readonly id: bigint }> {
  const row = await parts.store.write(() => write(parts, plan), 'disk');
  const outcome = await post(parts, row, plan.mint);
  return { ...outcome, id: row.id };
}

function* write(parts: SwapParts, plan: SwapPlan): Operation<SwapRow> {
  const ys = plan.inputs.map((input) => input.y);
  if (yield* journal.isClaimed(ys))
    throw new RouterError('cashu_mint_busy', 'Some of these coins are being redeemed right now.');
  const count = BigInt(plan.outputs.length);
  const firstCounter = yield* reserveCounters(plan.keyset.id, plan.seed, count);
  const amounts = plan.outputs.toSorted((a, b) => Number(a - b));
  const range = { keyset: plan.keyset.id, firstCounter, amounts };
  const outputs = deriveOutputs(parts.crypto, parts.seeds[plan.seed], range);
  const body = JSON.stringify({
    inputs: plan.inputs.map(wireInput),
    outputs: outputs.map((output) => ({
      amount: Number(output.amount),
      id: plan.keyset.id,
      B_: hexOf(output.blinded),
    })),
  });
  return yield* journal.journalSwap({
    mint: plan.mint.id,
    purpose: plan.purpose,
    owner: plan.owner,
    body: seal(parts.seeds.storage, Buffer.from(body)),
    keyset: plan.keyset.id,
    seed: plan.seed,
    firstCounter,
    amounts,
    inputs: ys,
    inputAmount: plan.inputs.reduce((sum, input) => sum + input.amount, 0n),
    fee: plan.fee,
    nowMs: parts.clock.now(),
    lookAtMs: parts.clock.now() + IN_WORK_MS,
    from: plan.from,
  });
}

function wireInput(input: SwapInput): object {
  return {
    amount: Number(input.amount),
    id: input.keyset,
    secret: input.secret,
    C: hexOf(input.C),
  };
}

/** POSTs the stored bytes and closes the operation if the answer is definite. */
export async function post(parts: SwapParts, row: SwapRow, mint: Mint): Promise<SwapOutcome> {
  let signatures: readonly BlindSignature[];
  try {
    signatures = await mint.client.swap(unseal(parts.seeds.storage, row.body));
  } catch (error) {
    if (!(error instanceof MintFailure)) throw error;
    parts.log.warn(
      { operation: String(row.id), mint: mint.url, reason: error.reason, mintCode: error.code },
      'a swap was not answered with signatures',
    );
    const verdict = row.attempts === 1n ? DEFINITE[error.reason] : undefined;
    if (verdict === undefined) return { kind: 'open' };
    if (verdict === 'spent') return refuseAsSpent(parts, row);
    return refuse(parts, row, verdict);
  }
  return apply(parts, row, { mint, signatures, restored: false });
}

/**
 * "Already spent" may be the echo of an operation of ours whose answer was lost, even of this one if something on its way sent it
 * twice: what was signed of them is taken in first.
 */
async function refuseAsSpent(parts: SwapParts, row: SwapRow): Promise<SwapOutcome> {
  await parts.settleSigned(row.id);
  return refuse(parts, row, 'spent');
}

/** Closes as never executed, unless it was closed meanwhile; how it is closed then. */
export async function refuse(
  parts: SwapParts,
  row: SwapRow,
  verdict: RefusedVerdict,
): Promise<SwapOutcome> {
  return parts.store.write(function* (): Operation<SwapOutcome> {
    if (!(yield* journal.closeRefused(row.id, verdict, parts.clock.now())))
      return outcomeOf(yield* journal.swapRow(row.id));
    yield* parts.effectOf(row.purpose).refused(row, verdict);
    return { kind: 'refused', verdict };
  });
}

/** How an operation was closed, if it was. */
export function outcomeOf({ state, verdict }: SwapRow): SwapOutcome {
  if (state === 'applied') return { kind: 'applied' };
  if (state === 'sent') return { kind: 'open' };
  const isKnown = verdict === 'spent' || verdict === 'keyset' || verdict === 'unsent';
  return { kind: 'refused', verdict: isKnown ? verdict : 'rejected' };
}

/** Takes the signed outputs in: the one place where coins enter the house. `open` when the mint signed something else. */
export async function apply(
  parts: SwapParts,
  row: SwapRow,
  answer: {
    readonly mint: Mint;
    readonly signatures: readonly BlindSignature[];
    readonly restored: boolean;
  },
): Promise<SwapOutcome> {
  const keyset = answer.mint.keyset(row.keyset);
  if (keyset === undefined) return { kind: 'open' };
  const outputs = deriveOutputs(parts.crypto, parts.seeds[row.seed], rangeOf(row));
  let coins: ReturnType<typeof unblindAll>;
  try {
    coins = unblindAll(parts.crypto, row, { ...answer, outputs, keyset });
  } catch (error) {
    if (!(error instanceof MintFailure)) throw error;
    parts.log.error(
      { operation: String(row.id), mint: answer.mint.url, what: error.message },
      'the mint signed something else than was asked for',
    );
    return { kind: 'open' };
  }
  await parts.store.write(function* (): Operation<void> {
    if (!(yield* journal.closeApplied(row.id, parts.clock.now()))) return;
    for (const coin of coins) yield* insertCoin(coin);
    yield* parts.effectOf(row.purpose).applied(row);
  });
  return { kind: 'applied' };
}

/** Nobody waits for this operation any more; the resolver looks at it later. */
export async function abandon(parts: SwapParts, id: bigint): Promise<void> {
  await parts.store.write(() => journal.leaveOpen(id, parts.clock.now() + FIRST_LOOK_MS));
}
