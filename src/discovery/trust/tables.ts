import { query } from '../../store/operation.ts';
import type { Ddl } from '../../store/store.ts';

/** What we ourselves met with nodes. */
export function trustTables(ddl: Ddl): readonly string[] {
  const count = `${ddl.integer} NOT NULL CHECK`;
  return [
    ddl.table('node_experience', [
      `pubkey ${ddl.text} PRIMARY KEY`,
      `paid_right ${count} (paid_right >= 0)`,
      `returns ${count} (returns >= 0)`,
      `paid_msat ${count} (paid_msat >= 0)`,
      `handled_msat ${count} (handled_msat >= 0)`,
      `lost_msat ${count} (lost_msat >= 0)`,
      `faults_ever ${count} (faults_ever >= 0)`,
      // Fading numbers, in millionths, as they were at at_ms.
      `faults_micro ${count} (faults_micro >= 0)`,
      // Below zero where payers paid more than was charged.
      `unchecked_msat ${ddl.integer} NOT NULL`,
      `successes_micro ${count} (successes_micro >= 0)`,
      `failures_micro ${count} (failures_micro >= 0)`,
      `at_ms ${ddl.integer} NOT NULL`,
    ]),
  ];
}

export interface ExperienceRow {
  readonly pubkey: string;
  readonly paid_right: bigint;
  readonly returns: bigint;
  readonly paid_msat: bigint;
  readonly handled_msat: bigint;
  readonly lost_msat: bigint;
  readonly faults_ever: bigint;
  readonly faults_micro: bigint;
  readonly unchecked_msat: bigint;
  readonly successes_micro: bigint;
  readonly failures_micro: bigint;
  readonly at_ms: bigint;
}

export const EXPERIENCES = query<ExperienceRow>('SELECT * FROM node_experience ORDER BY at_ms');
export const UPSERT_EXPERIENCE = query(
  `INSERT INTO node_experience (pubkey, paid_right, returns, paid_msat, handled_msat, lost_msat, faults_ever,
     faults_micro, unchecked_msat, successes_micro, failures_micro, at_ms)
   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
   ON CONFLICT (pubkey) DO UPDATE SET paid_right = excluded.paid_right, returns = excluded.returns,
     paid_msat = excluded.paid_msat, handled_msat = excluded.handled_msat, lost_msat = excluded.lost_msat,
     faults_ever = excluded.faults_ever, faults_micro = excluded.faults_micro,
     unchecked_msat = excluded.unchecked_msat,
     successes_micro = excluded.successes_micro, failures_micro = excluded.failures_micro,
     at_ms = excluded.at_ms`,
);
export const DELETE_EXPERIENCE = query('DELETE FROM node_experience WHERE pubkey = ?');
