import type { Operation } from '../store/operation.ts';
import * as journal from './journal.ts';
import type { SwapRow } from './journal.ts';
import { MintFailure } from './mint-failure.ts';
import type { ProofState } from './mint-wire.ts';
import type { Mint, Mints } from './mints.ts';
import { deriveOutputs, rangeOf } from './outputs.ts';
import { apply, outcomeOf, post, refuse } from './swap.ts';
import type { SwapOutcome, SwapParts } from './swap.ts';

/** What the mint's own records say of an open operation. */
type Evidence =
  | { readonly kind: 'closed'; readonly outcome: SwapOutcome }
  | { readonly kind: 'spent' | 'pending' | 'unspent' | 'unreachable' };

/** Resends of one resolution, while every input is unspent and nothing was signed. */
const MAX_RESENDS = 3;
const RESEND_PAUSE_MS = 200;

export interface ResolveParts extends SwapParts {
  readonly mints: Mints;
  readonly sleep: (ms: number) => Promise<void>;
}

/**
 * May the stored bytes be sent again? Only where the payer stands before us with the token, or the inputs are coins that nobody
 * else knows, and in the mint's lane. Asked before each time; `false`: only look.
 */
export type MaySend = false | (() => boolean);

/**
 * Finds out what became of an operation (NUT-09 restore of its outputs, NUT-07 state of its inputs) and closes it on
 * evidence. Idempotent; safe to run at any time, also after `kill -9`.
 */
export async function resolveSwap(
  parts: ResolveParts,
  id: bigint,
  maySend: MaySend,
): Promise<SwapOutcome> {
  for (let resends = 0; ; resends += 1) {
    const row = await parts.store.read(() => journal.swapRow(id));
    if (row.state !== 'sent') return outcomeOf(row);
    const mint = parts.mints.byId(row.mint);
    if (mint === undefined) return { kind: 'open' };
    const evidence = await observe(parts, row, mint);
    if (evidence.kind === 'closed') return evidence.outcome;
    if (evidence.kind === 'spent') return closeSpent(parts, row, mint);
    if (evidence.kind !== 'unspent' || resends === MAX_RESENDS) return { kind: 'open' };
    if (maySend === false || !maySend()) return { kind: 'open' };
    if (resends > 0) await parts.sleep(RESEND_PAUSE_MS * 2 ** resends);
    const outcome = await resend(parts, id, mint);
    if (outcome.kind !== 'open') return outcome;
  }
}

async function resend(parts: ResolveParts, id: bigint, mint: Mint): Promise<SwapOutcome> {
  const row = await parts.store.write(function* (): Operation<SwapRow> {
    yield* journal.countAttempt(id);
    return yield* journal.swapRow(id);
  }, 'disk');
  return row.state === 'sent' ? post(parts, row, mint) : outcomeOf(row);
}

/** Spent, and our outputs were not signed when we looked: look once more, then at our own other operations, then believe it. */
async function closeSpent(parts: ResolveParts, row: SwapRow, mint: Mint): Promise<SwapOutcome> {
  const again = await observe(parts, row, mint);
  if (again.kind === 'closed') return again.outcome;
  if (again.kind !== 'spent') return { kind: 'open' };
  await parts.settleSigned(row.id);
  return refuse(parts, row, 'spent');
}

/**
 * Takes in what the mint signed of an open operation, if it did. It asks for nothing else: operations that share an input settle
 * each other this way, and must not wait for each other.
 */
export async function settleIfSigned(parts: ResolveParts, id: bigint): Promise<void> {
  const row = await parts.store.read(() => journal.swapRow(id));
  const mint = parts.mints.byId(row.mint);
  if (row.state !== 'sent' || mint === undefined) return;
  try {
    await takeSigned(parts, row, mint);
  } catch (error) {
    if (!(error instanceof MintFailure)) throw error;
    tellUnreachable(parts, row, mint, error);
  }
}

/** `foreign`: the outputs are signed and an input is not spent. A swap is atomic, so they were signed for another one. */
async function takeSigned(
  parts: ResolveParts,
  row: SwapRow,
  mint: Mint,
): Promise<SwapOutcome | 'foreign' | undefined> {
  const signatures = await restored(parts, row, mint);
  if (signatures === undefined) return undefined;
  const states = await inputStates(parts, row, mint);
  if (states.includes('UNSPENT')) return 'foreign';
  if (states.includes('PENDING')) return { kind: 'open' };
  return apply(parts, row, { mint, signatures, restored: true });
}

/** S1: its counters were used before, by a database that is lost. Its coins are somebody else's, and it can never be executed. */
async function refuseForeign(parts: ResolveParts, row: SwapRow, mint: Mint): Promise<SwapOutcome> {
  parts.log.error(
    { operation: String(row.id), mint: mint.url, keyset: row.keyset },
    'the mint signed the outputs of a swap before it was sent: this database is older than another one of the same seed',
  );
  return refuse(parts, row, 'unsent');
}

async function inputStates(
  parts: ResolveParts,
  row: SwapRow,
  mint: Mint,
): Promise<readonly ProofState[]> {
  const ys = await parts.store.read(() => journal.inputsOf(row.id));
  return mint.client.check(ys);
}

function tellUnreachable(
  parts: ResolveParts,
  row: SwapRow,
  mint: Mint,
  { reason }: MintFailure,
): void {
  parts.log.debug(
    { operation: String(row.id), mint: mint.url, reason },
    'the mint did not tell what became of an operation',
  );
}

async function observe(parts: ResolveParts, row: SwapRow, mint: Mint): Promise<Evidence> {
  try {
    const outcome = await takeSigned(parts, row, mint);
    if (outcome === 'foreign')
      return { kind: 'closed', outcome: await refuseForeign(parts, row, mint) };
    if (outcome !== undefined) return { kind: 'closed', outcome };
    const states = await inputStates(parts, row, mint);
    if (states.includes('PENDING')) return { kind: 'pending' };
    // One input spent is enough: a swap is atomic, so this one did not and cannot happen.
    return { kind: states.includes('SPENT') ? 'spent' : 'unspent' };
  } catch (error) {
    if (!(error instanceof MintFailure)) throw error;
    tellUnreachable(parts, row, mint, error);
    return { kind: 'unreachable' };
  }
}

/** The mint's signatures on the outputs in order, or undefined when it has none. Fewer than the outputs are told by `apply`. */
async function restored(parts: ResolveParts, row: SwapRow, mint: Mint) {
  const outputs = deriveOutputs(parts.crypto, parts.seeds[row.seed], rangeOf(row));
  const blinded = outputs.map((output) => output.blinded);
  const found = await mint.client.restore(row.keyset, blinded);
  if (found.every((signature) => signature === undefined)) return undefined;
  return found.filter((signature) => signature !== undefined);
}
