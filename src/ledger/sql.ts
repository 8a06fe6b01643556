import { query } from '../store/operation.ts';

export type AccountState = 'redeeming' | 'open' | 'refunding' | 'out' | 'reclaiming';
/** `once`: change leaves with the answer, and is taken back when the key is used again; `keep`: it stays; `token`: it leaves. */
export type ChangeMode = 'once' | 'keep' | 'token';

export interface AccountRow {
  readonly id: string;
  readonly mint: bigint;
  readonly unit: string;
  readonly mode: ChangeMode;
  readonly state: AccountState;
  readonly balance_msat: bigint;
  readonly held_msat: bigint;
  readonly running: bigint;
  readonly waiting: bigint;
  readonly change_gone: bigint;
  readonly reclaimed_at_ms: bigint;
  readonly created_at_ms: bigint;
}

export interface HoldRow {
  readonly id: bigint;
  readonly account: string;
  readonly request: string;
  readonly state: 'waiting' | 'running' | 'captured' | 'released';
  readonly held_msat: bigint;
  readonly metered_msat: bigint;
  readonly charge_msat: bigint | null;
}

export const SELECT_ACCOUNT = query<AccountRow>('SELECT * FROM account WHERE id = ?');
export const INSERT_ACCOUNT = query(
  `INSERT INTO account (id, mint, unit, mode, state, balance_msat, held_msat, running, waiting, created_at_ms)
   VALUES (?, ?, ?, ?, 'redeeming', 0, 0, 0, 0, ?)`,
);
/** Only an account that never had value may go. */
export const DELETE_ACCOUNT = query(
  `DELETE FROM account WHERE id = ? AND state = 'redeeming' AND balance_msat = 0`,
);
export const MOVE_STATE = query('UPDATE account SET state = ? WHERE id = ? AND state = ?');
export const SET_MODE = query('UPDATE account SET mode = ? WHERE id = ?');
export const MARK_CHANGE_GONE = query('UPDATE account SET change_gone = 1 WHERE id = ?');
export const MARK_RECLAIMED = query('UPDATE account SET reclaimed_at_ms = ? WHERE id = ?');
export const CREDIT = query('UPDATE account SET balance_msat = balance_msat + ? WHERE id = ?');
export const DEBIT = query(
  'UPDATE account SET balance_msat = balance_msat - ? WHERE id = ? AND balance_msat - held_msat >= ?',
);
export const OPEN_TOTAL = query<{ total: bigint | null }>(
  'SELECT sum(balance_msat) AS total FROM account WHERE mint = ?',
);
export const STRANDED = query<AccountRow>(
  `SELECT * FROM account WHERE state IN ('redeeming', 'refunding', 'reclaiming')`,
);

export const INSERT_WAITING = query<{ id: bigint }>(
  `INSERT INTO hold (account, request, state, held_msat, created_at_ms, renewed_at_ms)
   VALUES (?, ?, 'waiting', 0, ?, ?) RETURNING id`,
);
export const INSERT_RUNNING = query<{ id: bigint }>(
  `INSERT INTO hold (account, request, state, held_msat, snapshot, created_at_ms, renewed_at_ms)
   VALUES (?, ?, 'running', ?, ?, ?, ?) RETURNING id`,
);
export const START_WAITING = query(
  `UPDATE hold SET state = 'running', held_msat = ?, snapshot = ?, renewed_at_ms = ? WHERE id = ? AND state = 'waiting'`,
);
export const RELEASE_WAITING = query<{ account: string }>(
  `UPDATE hold SET state = 'released', ended_at_ms = ? WHERE id = ? AND state = 'waiting' RETURNING account`,
);
/** In the words of the index `hold_live`, or it would not be used. */
export const RELEASE_ALL_WAITING = query(
  `UPDATE hold SET state = 'released', ended_at_ms = ?
   WHERE account = ? AND state IN ('waiting', 'running') AND state = 'waiting'`,
);
export const CAPTURE = query<{ account: string; held_msat: bigint; charge_msat: bigint }>(
  `UPDATE hold SET state = 'captured', charge_msat = CASE WHEN held_msat < ? THEN held_msat ELSE ? END, ended_at_ms = ?
   WHERE id = ? AND state = 'running' RETURNING account, held_msat, charge_msat`,
);
export const RENEW = query(
  `UPDATE hold SET metered_msat = ?, renewed_at_ms = ? WHERE id = ? AND state = 'running'`,
);
export const LIVE_HOLDS = query<HoldRow>(
  `SELECT * FROM hold WHERE state IN ('waiting', 'running')`,
);

export const ADD_WAITING = query('UPDATE account SET waiting = waiting + 1 WHERE id = ?');
export const DROP_WAITING = query('UPDATE account SET waiting = waiting - 1 WHERE id = ?');
export const ADD_HELD = query(
  'UPDATE account SET held_msat = held_msat + ?, running = running + 1 WHERE id = ?',
);
export const ADD_HELD_FROM_WAITING = query(
  'UPDATE account SET held_msat = held_msat + ?, running = running + 1, waiting = waiting - 1 WHERE id = ?',
);
export const TAKE_CHARGE = query<AccountRow>(
  `UPDATE account SET balance_msat = balance_msat - ?, held_msat = held_msat - ?, running = running - 1
   WHERE id = ? RETURNING *`,
);

export const SELECT_SNAPSHOT = query<{ id: string }>('SELECT id FROM price_snapshot WHERE id = ?');
export const INSERT_SNAPSHOT = query(
  'INSERT INTO price_snapshot (id, body, created_at_ms) VALUES (?, ?, ?)',
);
