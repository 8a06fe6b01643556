import { book } from '../../ledger/entries.ts';
import { all, get, query, run } from '../../store/operation.ts';
import type { Operation } from '../../store/operation.ts';
import type { Ddl } from '../../store/store.ts';

/** `balance`: many requests use it. `request`: it pays one. */
export type AccountKind = 'balance' | 'request';
/**
 * `opening`: the token is cut, nobody has it yet. `draining`: what is left is called back. `closed`: it came back but for fees and
 * dust. `lost`: the node says that nothing is left, and kept more than that.
 */
export type AccountState = 'opening' | 'open' | 'draining' | 'closed' | 'lost';

/** One token of ours at a node: it is the key of the balance that it opened there. All amounts in msat. */
export interface AccountRow {
  readonly id: bigint;
  readonly kind: AccountKind;
  readonly node: string;
  readonly mint: string;
  readonly base_url: string;
  /** What the treasury makes the token from again. */
  readonly spend: bigint;
  readonly state: AccountState;
  readonly deposited_msat: bigint;
  /** What the mint takes from the node for redeeming the token. */
  readonly fee_msat: bigint;
  readonly charged_msat: bigint;
  readonly returned_msat: bigint;
  readonly lost_msat: bigint;
  /** What was charged beyond the node's own prices, or kept though nothing was served: it stays at risk for ever. */
  readonly disputed_msat: bigint;
  /** What requests may still be charged that run, or of which nobody knows yet. */
  readonly reserved_msat: bigint;
  /** Those that were served, or may have been: they bear what buying costs. */
  readonly requests: bigint;
  /** A token that the node gave back, sealed, until it is swapped. */
  readonly change: Uint8Array | null;
  /** Vain attempts to have the rest back. */
  readonly attempts: bigint;
  readonly used_at_ms: bigint;
  readonly next_at_ms: bigint;
}

/** A node may have sold a million answers: what is over, and was right, is looked at no more. */
export const HAS_RISK = `(state <> 'closed' OR disputed_msat > 0)`;

export const accountTables = (ddl: Ddl): readonly string[] => [
  ddl.table('node_account', [
    `id ${ddl.integer} PRIMARY KEY`,
    `kind ${ddl.text} NOT NULL CHECK (kind IN ('balance', 'request'))`,
    `node ${ddl.text} NOT NULL`,
    `mint ${ddl.text} NOT NULL`,
    `base_url ${ddl.text} NOT NULL`,
    `spend ${ddl.integer} NOT NULL UNIQUE`,
    `state ${ddl.text} NOT NULL CHECK (state IN ('opening', 'open', 'draining', 'closed', 'lost'))`,
    `deposited_msat ${ddl.integer} NOT NULL CHECK (deposited_msat > 0)`,
    `fee_msat ${ddl.integer} NOT NULL DEFAULT 0 CHECK (fee_msat >= 0)`,
    `charged_msat ${ddl.integer} NOT NULL DEFAULT 0 CHECK (charged_msat >= 0)`,
    `returned_msat ${ddl.integer} NOT NULL DEFAULT 0 CHECK (returned_msat >= 0)`,
    `lost_msat ${ddl.integer} NOT NULL DEFAULT 0 CHECK (lost_msat >= 0)`,
    `disputed_msat ${ddl.integer} NOT NULL DEFAULT 0 CHECK (disputed_msat >= 0)`,
    `reserved_msat ${ddl.integer} NOT NULL DEFAULT 0 CHECK (reserved_msat >= 0)`,
    `requests ${ddl.integer} NOT NULL DEFAULT 0`,
    `change ${ddl.bytes}`,
    `attempts ${ddl.integer} NOT NULL DEFAULT 0`,
    `used_at_ms ${ddl.integer} NOT NULL`,
    `next_at_ms ${ddl.integer} NOT NULL`,
    `CHECK (state NOT IN ('closed', 'lost') OR change IS NULL)`,
  ]),
  `CREATE INDEX node_account_risk ON node_account (node) WHERE ${HAS_RISK}`,
  `CREATE INDEX node_account_live ON node_account (state) WHERE state IN ('opening', 'open', 'draining')`,
];

const INSERT = query<AccountRow>(
  `INSERT INTO node_account (kind, node, mint, base_url, spend, state, deposited_msat, used_at_ms, next_at_ms)
   VALUES (?, ?, ?, ?, ?, 'opening', ?, ?, ?) RETURNING *`,
);
const SELECT = query<AccountRow>('SELECT * FROM node_account WHERE id = ?');
const LIVE = query<AccountRow>(
  `SELECT * FROM node_account WHERE state IN ('opening', 'open', 'draining') ORDER BY id`,
);
const OPENED = query<AccountRow>(
  `UPDATE node_account SET state = 'open', fee_msat = ? WHERE id = ? AND state = 'opening' RETURNING *`,
);
const DRAIN = query<AccountRow>(
  `UPDATE node_account SET state = 'draining', next_at_ms = ? WHERE id = ? AND state IN ('opening', 'open') RETURNING *`,
);
const RESERVE = query('UPDATE node_account SET reserved_msat = ?, used_at_ms = ? WHERE id = ?');
const CHARGE = query<AccountRow>(
  `UPDATE node_account SET charged_msat = charged_msat + ?, disputed_msat = disputed_msat + ?, reserved_msat = ?,
     requests = requests + ?, used_at_ms = ? WHERE id = ? RETURNING *`,
);
const KEEP_CHANGE = query<AccountRow>(
  `UPDATE node_account SET change = ?, state = 'draining', next_at_ms = ? WHERE id = ? AND change IS NULL
     AND state IN ('opening', 'open', 'draining') RETURNING *`,
);
const DROP_CHANGE = query<AccountRow>(
  'UPDATE node_account SET change = NULL WHERE id = ? RETURNING *',
);
const POSTPONE = query<AccountRow>(
  'UPDATE node_account SET attempts = attempts + 1, next_at_ms = ? WHERE id = ? RETURNING *',
);
const RETURNED = query<AccountRow>(
  'UPDATE node_account SET returned_msat = returned_msat + ?, change = NULL WHERE id = ? RETURNING *',
);
const CLOSE = query<AccountRow>(
  `UPDATE node_account SET state = ?, charged_msat = charged_msat + ?, lost_msat = lost_msat + ?,
     disputed_msat = disputed_msat - ?, reserved_msat = 0, change = NULL WHERE id = ? RETURNING *`,
);
export interface NewAccount {
  readonly kind: AccountKind;
  readonly node: string;
  readonly mint: string;
  readonly baseUrl: string;
  readonly spend: bigint;
  readonly depositedMsat: bigint;
  readonly nowMs: number;
}

export function* insertAccount(fresh: NewAccount): Operation<AccountRow> {
  const { kind, node, mint, baseUrl, spend, depositedMsat } = fresh;
  const now = BigInt(fresh.nowMs);
  return needed(yield* get(INSERT, kind, node, mint, baseUrl, spend, depositedMsat, now, now));
}

/** Accounts that are not over. */
export function liveAccounts(): Operation<AccountRow[]> {
  return all(LIVE);
}

export function* accountRow(id: bigint): Operation<AccountRow> {
  return needed(yield* get(SELECT, id));
}

export function* markOpen(id: bigint, feeMsat: bigint): Operation<AccountRow> {
  return needed(yield* get(OPENED, feeMsat, id));
}

/** What is left is to be called back from now on. Undefined when that is so already. */
export function drainAccount(id: bigint, nowMs: number): Operation<AccountRow | undefined> {
  return get(DRAIN, BigInt(nowMs), id);
}

export function* reserve(id: bigint, reservedMsat: bigint, nowMs: number): Operation<void> {
  yield* run(RESERVE, reservedMsat, BigInt(nowMs), id);
}

export interface NewCharge {
  readonly id: bigint;
  readonly chargedMsat: bigint;
  /** Part of it that is beyond the node's own prices. */
  readonly disputedMsat: bigint;
  /** What is reserved from now on. */
  readonly reservedMsat: bigint;
  readonly requests: bigint;
  readonly nowMs: number;
}

/** Books what a node charged, at most what is left on the account. */
export function* chargeAccount(charge: NewCharge): Operation<AccountRow> {
  const before = yield* accountRow(charge.id);
  const charged = least(charge.chargedMsat, restOf(before));
  const cut = charge.chargedMsat - charged;
  const disputed = charge.disputedMsat > cut ? charge.disputedMsat - cut : 0n;
  const { reservedMsat, requests, id } = charge;
  const now = BigInt(charge.nowMs);
  yield* bookTo('purchases', before, charged, charge.nowMs);
  return needed(yield* get(CHARGE, charged, disputed, reservedMsat, requests, now, id));
}

/** Keeps a token that the node gave back until it is swapped. Undefined when one is kept already, or the account is over. */
export function keepChange(
  id: bigint,
  sealed: Uint8Array,
  nowMs: number,
): Operation<AccountRow | undefined> {
  return get(KEEP_CHANGE, sealed, BigInt(nowMs), id);
}

/** The kept token is worth nothing. */
export function* dropChange(id: bigint): Operation<AccountRow> {
  return needed(yield* get(DROP_CHANGE, id));
}

/** Counts a vain attempt. */
export function* postpone(id: bigint, nextAtMs: number): Operation<AccountRow> {
  return needed(yield* get(POSTPONE, BigInt(Math.ceil(nextAtMs)), id));
}

/** How an account is closed. */
export interface Closing {
  readonly nowMs: number;
  /** The node served nothing on it and refused what it was asked: by right it keeps nothing but the fee. */
  readonly isVain: boolean;
}

/** What the node gave back was swapped. Closes the account when no more is missing than fees and dust explain. */
export function* takeReturned(id: bigint, grossMsat: bigint, closing: Closing): Operation<void> {
  const row = needed(yield* get(RETURNED, grossMsat, id));
  const isOver = row.state === 'closed' || row.state === 'lost';
  if (isOver || splitRest(row).lost <= allowanceOf(row)) yield* closeAccount(id, closing);
}

/**
 * Closes an account: of what is missing, requests that nobody knew the charge of cost what they can have cost, the rest is lost.
 * `lost` when that is more than fees and dust.
 */
export function* closeAccount(id: bigint, { nowMs, isVain }: Closing): Operation<AccountRow> {
  const row = yield* accountRow(id);
  const { charged, lost } = splitRest(row);
  const state = row.lost_msat + lost > allowanceOf(row) ? 'lost' : 'closed';
  yield* bookTo('purchases', row, charged, nowMs);
  yield* bookTo('purchase_loss', row, lost, nowMs);
  // What comes back was not charged, first of all not beyond the node's prices.
  const undisputed = charged < 0n ? least(-charged, row.disputed_msat) : 0n;
  // A node that refuses one request after the other could else keep some sat of each token, for ever. What is lost is at risk anyway.
  const kept = isVain && state === 'closed' && lost > row.fee_msat ? lost - row.fee_msat : 0n;
  return needed(yield* get(CLOSE, state, charged, lost, undisputed - kept, id));
}

/** What the books say the node still holds. */
export function restOf(row: AccountRow): bigint {
  return row.deposited_msat - row.charged_msat - row.returned_msat - row.lost_msat;
}

/** What the mint may take and rounding leave, on the way there and back: redeeming, one swap for the refund, less than a sat. */
const SLACK_MSAT = 2_000n;

function allowanceOf({ fee_msat }: AccountRow): bigint {
  return 2n * fee_msat + SLACK_MSAT;
}

/**
 * How what is missing is booked. Negative where more came back than was missing: then less was lost, or charged. What is beyond
 * all that was deposited stays on the node's side: it is a gift.
 */
function splitRest(row: AccountRow): { readonly charged: bigint; readonly lost: bigint } {
  const rest = restOf(row);
  if (rest < 0n) {
    const regained = least(-rest, row.lost_msat);
    return { charged: -least(-rest - regained, row.charged_msat), lost: -regained };
  }
  const beyondFee = rest > row.fee_msat ? rest - row.fee_msat : 0n;
  const charged = least(beyondFee, row.reserved_msat);
  return { charged, lost: rest - charged };
}

/** Books a transfer from what lies at the node, or back when it is negative. */
function* bookTo(
  other: 'purchases' | 'purchase_loss',
  row: AccountRow,
  amountMsat: bigint,
  atMs: number,
): Operation<void> {
  const node = `node:${row.node}` as const;
  const reason = `account ${row.id}`;
  if (amountMsat < 0n)
    yield* book({ debit: other, credit: node, amountMsat: -amountMsat, reason, atMs });
  else yield* book({ debit: node, credit: other, amountMsat, reason, atMs });
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function needed(row: AccountRow | undefined): AccountRow {
  if (row === undefined) throw new Error('no such account at a node');
  return row;
}
