import { randomUUID } from 'node:crypto';

import { MintFailure } from '../wallet/mint-failure.ts';
import { greedy } from '../wallet/split.ts';
import { encodeToken } from '../wallet/token.ts';
import type { PurseCoin, PurseEntry, PurseFile, SwapEntry, TokenEntry } from './purse-file.ts';
import type { PurseMint } from './purse-mint.ts';
import { blankCoins } from './purse-mint.ts';

/**
 * `done`: the outputs are in the purse. `spent`: the inputs were spent by somebody else. `refused`: the mint did nothing,
 * the inputs are where they were. `open`: nobody knows yet; a later look will tell.
 */
export type SwapResult =
  | { readonly kind: 'done'; readonly amount: bigint }
  | { readonly kind: 'spent'; readonly amount: bigint }
  | { readonly kind: 'refused' | 'open'; readonly message: string };

export interface SwapRequest {
  readonly inputs: readonly PurseCoin[];
  readonly amounts: readonly bigint[];
  readonly source: TokenEntry | undefined;
}

/** After this long a request that we lost sight of cannot still be on its way to the mint. */
const FORGOTTEN_AFTER_MS = 600_000;

export interface PurseSwapParts {
  readonly file: PurseFile;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Swaps coins of a purse, or those of a token. Written down before the mint is asked, so that a dying process loses nothing. */
export async function startSwap(
  parts: PurseSwapParts,
  mint: PurseMint,
  request: SwapRequest,
): Promise<SwapResult> {
  const { inputs, amounts, source } = request;
  const entry: SwapEntry = {
    kind: 'swap',
    id: source?.id ?? randomUUID(),
    mint: mint.url,
    inputs,
    keyset: mint.active.id,
    outputs: blankCoins(amounts),
    createdAtMs: parts.now(),
    source,
  };
  const { coins, entries } = parts.file.content;
  const secrets = new Set(inputs.map(({ secret }) => secret));
  parts.file.replace({
    coins: coins.filter(({ secret }) => !secrets.has(secret)),
    entries: [...entries.filter(({ id }) => id !== entry.id), entry],
  });
  return asOpen(() => send(parts, mint, { entry, isFirst: true }));
}

/** Finds out what became of a swap of an earlier run, and finishes it. */
export function resumeSwap(
  parts: PurseSwapParts,
  mint: PurseMint,
  entry: SwapEntry,
): Promise<SwapResult> {
  return asOpen(async () => {
    const verdict = await judge(parts.file, mint, entry);
    return verdict.kind === 'open' ? send(parts, mint, { entry, isFirst: false }) : verdict;
  });
}

async function send(
  parts: PurseSwapParts,
  mint: PurseMint,
  attempt: { readonly entry: SwapEntry; readonly isFirst: boolean },
): Promise<SwapResult> {
  const { entry, isFirst } = attempt;
  try {
    return finish(parts.file, entry, await mint.swap(entry));
  } catch (error) {
    if (!(error instanceof MintFailure)) throw error;
    if (isFirst && neverExecuted(error)) {
      giveUp(parts.file, entry, entry.inputs);
      return { kind: 'refused', message: error.message };
    }
    const mayForget = isFirst || parts.now() - entry.createdAtMs > FORGOTTEN_AFTER_MS;
    return judge(parts.file, mint, entry, mayForget ? error : undefined);
  }
}

/** The mint's own records decide: restored outputs, else the states of the inputs. */
async function judge(
  file: PurseFile,
  mint: PurseMint,
  entry: SwapEntry,
  failure?: MintFailure,
): Promise<SwapResult> {
  const message = failure?.message ?? 'the mint has not finished it';
  const restored = await mint.restore(entry);
  if (restored !== undefined) return finish(file, entry, restored);
  const states = await mint.states(entry.inputs);
  if (states.includes('PENDING')) return { kind: 'open', message };
  if (states.includes('SPENT')) {
    // Our own request may have arrived between the two questions.
    const late = await mint.restore(entry);
    if (late !== undefined) return finish(file, entry, late);
    // A swap takes all its inputs or none, so this one can never happen.
    const unspent = entry.inputs.filter((_coin, index) => states[index] === 'UNSPENT');
    giveUp(file, entry, unspent);
    const sentTo = entry.source?.sentTo;
    if (sentTo !== undefined) {
      return { kind: 'open', message: `${sentTo.router} took the token after all` };
    }
    return { kind: 'spent', amount: sum(entry.inputs) - sum(unspent) };
  }
  if (failure === undefined || !isDefinite(failure)) return { kind: 'open', message };
  giveUp(file, entry, entry.inputs);
  return { kind: 'refused', message };
}

function finish(file: PurseFile, entry: SwapEntry, coins: readonly PurseCoin[]): SwapResult {
  close(file, entry, coins);
  return { kind: 'done', amount: sum(coins) };
}

/** Leaves what is unspent where it came from. */
function giveUp(file: PurseFile, entry: SwapEntry, unspent: readonly PurseCoin[]): void {
  const { source, id, mint } = entry;
  if (source === undefined) close(file, entry, unspent);
  else if (unspent.length === entry.inputs.length) close(file, entry, [], source);
  // The router had taken it, though it did not say so: there is change to come.
  else if (source.sentTo !== undefined)
    close(file, entry, [], { kind: 'sent', id, ...source.sentTo });
  else if (unspent.length === 0) close(file, entry, []);
  else close(file, entry, [], { ...source, token: tokenOf(mint, unspent) });
}

/** Puts coins and another entry in the place of a swap, in one write. */
function close(
  file: PurseFile,
  entry: SwapEntry,
  coins: readonly PurseCoin[],
  instead?: PurseEntry,
): void {
  const others = file.content.entries.filter(({ id }) => id !== entry.id);
  file.replace({
    coins: [...file.content.coins, ...coins],
    entries: instead === undefined ? others : [...others, instead],
  });
}

/** Amounts of the coins that `amount` becomes. */
export function amountsOf(mint: PurseMint, amount: bigint): bigint[] {
  return greedy(amount, mint.active.denominations);
}

export function tokenOf(mint: string, coins: readonly PurseCoin[]): string {
  return encodeToken({
    mintUrl: mint,
    unit: 'sat',
    proofs: coins.map((coin) => ({ ...coin, C: Buffer.from(coin.C, 'hex') })),
  });
}

export function sum(coins: readonly { readonly amount: bigint }[]): bigint {
  return coins.reduce((total, { amount }) => total + amount, 0n);
}

/** While the mint is away nothing can be known; the entry stays. */
async function asOpen(work: () => Promise<SwapResult>): Promise<SwapResult> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof MintFailure) return { kind: 'open', message: error.message };
    throw error;
  }
}

function neverExecuted(failure: MintFailure): boolean {
  return failure.reason === 'unsent' || failure.reason === 'rate';
}

function isDefinite(failure: MintFailure): boolean {
  return (
    ['spent', 'keyset', 'rejected', 'outputs'].includes(failure.reason) || neverExecuted(failure)
  );
}
