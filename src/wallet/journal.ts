import { all, get, query, run } from '../store/operation.ts';
import type { Operation } from '../store/operation.ts';
import { markSpent, spendCoins, unspendCoins } from './coins.ts';
import type { SeedName } from './seeds.ts';

/**
 * What a swap is for. `redeem`: a payer's token; `reclaim`: an account's own change taken back; `refund`: an account's coins
 * made to fit its change; `fund`, `split`, `consolidate`: the treasury; `collect`: change that a node gave back to the treasury.
 */
export type Purpose =
  | 'redeem'
  | 'reclaim'
  | 'refund'
  | 'fund'
  | 'split'
  | 'consolidate'
  | 'collect';

/**
 * Are the inputs coins that nobody else knows? Then the operation may be sent again at any time. Those of `collect` are known
 * to the node that gave them: it may take them back meanwhile and give others, so only who holds its token sends again.
 */
export function spendsOwnCoins(purpose: Purpose): boolean {
  return purpose === 'refund' || purpose === 'split' || purpose === 'consolidate';
}

/** A swap at a mint, from just before it is sent until evidence closes it. */
export interface SwapRow {
  readonly id: bigint;
  readonly mint: bigint;
  readonly purpose: Purpose;
  /** The account (or `treasury`) whose coins the outputs become. */
  readonly owner: string;
  readonly state: 'sent' | 'applied' | 'refused';
  /** Sealed; empty once it is closed. */
  readonly body: Uint8Array;
  readonly keyset: string;
  readonly seed: SeedName;
  readonly first_counter: bigint;
  /** The outputs' amounts in order, comma separated; their counters follow `first_counter`. */
  readonly amounts: string;
  readonly input_amount: bigint;
  readonly fee: bigint;
  readonly attempts: bigint;
  readonly created_at_ms: bigint;
  readonly next_at_ms: bigint;
  readonly verdict: string | null;
  /** Of a `collect`: the node that gave the inputs, and the purchase they come from. */
  readonly node: string | null;
  readonly reference: bigint | null;
}

const INSERT = query<{ id: bigint }>(
  `INSERT INTO operation (mint, purpose, owner, state, body, keyset, seed, first_counter, amounts, input_amount, fee,
     created_at_ms, next_at_ms, node, reference)
   VALUES (?, ?, ?, 'sent', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
);
const INSERT_INPUT = query('INSERT INTO operation_input (operation, y) VALUES (?, ?)');
const SELECT = query<SwapRow>('SELECT * FROM operation WHERE id = ?');
const INPUTS = query<{ y: Uint8Array }>('SELECT y FROM operation_input WHERE operation = ?');
const CLOSE = query(
  `UPDATE operation SET state = ?, verdict = ?, closed_at_ms = ?, body = ? WHERE id = ? AND state = 'sent'`,
);
const DELETE_INPUTS = query('DELETE FROM operation_input WHERE operation = ?');
const ATTEMPT = query('UPDATE operation SET attempts = attempts + 1 WHERE id = ?');
const POSTPONE = query('UPDATE operation SET next_at_ms = ? WHERE id = ?');
const DUE = query<SwapRow>(
  `SELECT * FROM operation WHERE state = 'sent' AND next_at_ms <= ? ORDER BY next_at_ms LIMIT ?`,
);
const OPEN_OF = query<SwapRow>(
  `SELECT * FROM operation WHERE owner = ? AND state = 'sent' ORDER BY id DESC LIMIT 1`,
);
const SPENT_BY = query<{ operation: bigint; owner: string }>(
  `SELECT operation.id AS operation, operation.owner AS owner FROM operation_input
   JOIN operation ON operation.id = operation_input.operation
   WHERE operation_input.y = ? AND operation.state = 'applied' LIMIT 1`,
);
const RIVALS = query<{ id: bigint }>(
  `SELECT DISTINCT other.id AS id FROM operation_input AS mine
   JOIN operation_input AS theirs ON theirs.y = mine.y AND theirs.operation <> mine.operation
   JOIN operation AS other ON other.id = theirs.operation
   WHERE mine.operation = ? AND other.state = 'sent' ORDER BY other.id LIMIT 16`,
);
const SELECT_CLAIM = query<{ operation: bigint }>('SELECT operation FROM claim WHERE y = ?');
const INSERT_CLAIM = query('INSERT INTO claim (y, operation) VALUES (?, ?)');
const DELETE_CLAIMS = query('DELETE FROM claim WHERE operation = ?');
const DELETE_ALL_CLAIMS = query('DELETE FROM claim');
const LOOK_NOW = query(`UPDATE operation SET next_at_ms = 0 WHERE state = 'sent'`);
const COUNT_OPEN = query<{ open: bigint }>(
  `SELECT count(*) AS open FROM operation WHERE state = 'sent'`,
);

/** Which node gave the inputs of a `collect`, and of which purchase they are the change. */
export interface SwapSource {
  readonly node: string;
  readonly reference: bigint;
}

export interface NewSwap {
  readonly mint: bigint;
  readonly purpose: Purpose;
  readonly owner: string;
  readonly body: Uint8Array;
  readonly keyset: string;
  readonly seed: SeedName;
  readonly firstCounter: bigint;
  readonly amounts: readonly bigint[];
  readonly inputs: readonly Uint8Array[];
  readonly inputAmount: bigint;
  readonly fee: bigint;
  readonly nowMs: number;
  /** When the resolver may look at it. */
  readonly lookAtMs: number;
  readonly from: SwapSource | undefined;
}

/** Writes the row that must be on disk before the swap is sent, claims its inputs, and sets our own free coins aside. */
export function* journalSwap(swap: NewSwap): Operation<SwapRow> {
  const row = yield* get(
    INSERT,
    swap.mint,
    swap.purpose,
    swap.owner,
    swap.body,
    swap.keyset,
    swap.seed,
    swap.firstCounter,
    swap.amounts.join(','),
    swap.inputAmount,
    swap.fee,
    BigInt(swap.nowMs),
    BigInt(swap.lookAtMs),
    swap.from?.node ?? null,
    swap.from?.reference ?? null,
  );
  if (row === undefined) throw new Error('the operation was not written');
  for (const y of swap.inputs) {
    yield* run(INSERT_INPUT, row.id, y);
    yield* run(INSERT_CLAIM, y, row.id);
  }
  if (spendsOwnCoins(swap.purpose)) yield* spendCoins(swap.inputs);
  return yield* swapRow(row.id);
}

/** Is one of these inputs held by an operation in work? */
export function* isClaimed(ys: readonly Uint8Array[]): Operation<boolean> {
  for (const y of ys) if ((yield* get(SELECT_CLAIM, y)) !== undefined) return true;
  return false;
}

/** The account for which one of these inputs was already redeemed (`treasury` for the router's own), or undefined. */
export function* redeemedBy(ys: readonly Uint8Array[]): Operation<string | undefined> {
  for (const y of ys) {
    const spent = yield* get(SPENT_BY, y);
    if (spent !== undefined) return spent.owner;
  }
  return undefined;
}

export function* swapRow(id: bigint): Operation<SwapRow> {
  const row = yield* get(SELECT, id);
  if (row === undefined) throw new Error('no such operation');
  return row;
}

export function* inputsOf(id: bigint): Operation<Uint8Array[]> {
  return (yield* all(INPUTS, id)).map((row) => row.y);
}

/** Nothing is sent again, so the secrets in it need not be kept. */
const NO_BODY = new Uint8Array();

/** Closes an operation as applied: its inputs are spent. False when it was closed before. */
export function* closeApplied(id: bigint, nowMs: number): Operation<boolean> {
  if ((yield* run(CLOSE, 'applied', 'signed', BigInt(nowMs), NO_BODY, id)) !== 1) return false;
  yield* markSpent(yield* inputsOf(id));
  yield* run(DELETE_CLAIMS, id);
  return true;
}

/**
 * Closes an operation as never executed: own coins set aside are free again, and its inputs are forgotten, since strangers cause
 * as many of these as they like. False when it was closed before.
 */
export function* closeRefused(id: bigint, verdict: string, nowMs: number): Operation<boolean> {
  if ((yield* run(CLOSE, 'refused', verdict, BigInt(nowMs), NO_BODY, id)) !== 1) return false;
  yield* unspendCoins(yield* inputsOf(id));
  yield* run(DELETE_INPUTS, id);
  yield* run(DELETE_CLAIMS, id);
  return true;
}

/** Notes that the stored bytes are sent once more. */
export function* countAttempt(id: bigint): Operation<void> {
  yield* run(ATTEMPT, id);
}

/** Leaves an operation open with nobody waiting for it: its inputs are no longer claimed, it is looked at again later. */
export function* leaveOpen(id: bigint, nextAtMs: number): Operation<void> {
  yield* run(POSTPONE, BigInt(nextAtMs), id);
  yield* run(DELETE_CLAIMS, id);
}

export function dueSwaps(nowMs: number, limit: bigint): Operation<SwapRow[]> {
  return all(DUE, BigInt(nowMs), limit);
}

/** The youngest open operation of an owner. */
export function openSwapOf(owner: string): Operation<SwapRow | undefined> {
  return get(OPEN_OF, owner);
}

/** Open operations that share an input with this one. */
export function* rivalsOf(id: bigint): Operation<bigint[]> {
  return (yield* all(RIVALS, id)).map((row) => row.id);
}

/** At boot nothing is in work: no input is claimed, and every open operation is due. */
export function* resetWork(): Operation<void> {
  yield* run(DELETE_ALL_CLAIMS);
  yield* run(LOOK_NOW);
}

export function* openSwaps(): Operation<bigint> {
  return (yield* get(COUNT_OPEN))?.open ?? 0n;
}
