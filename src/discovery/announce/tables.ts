import { query } from '../../store/operation.ts';
import type { Ddl } from '../../store/store.ts';

/** What we signed for others to see. */
export function announceTables(ddl: Ddl): readonly string[] {
  return [
    ddl.table('own_event', [
      // kind:pubkey:d
      `coordinate ${ddl.text} PRIMARY KEY`,
      // Newer than it is every event to come, whatever the clock says.
      `created_at_s ${ddl.integer} NOT NULL`,
      `signed_at_ms ${ddl.integer} NOT NULL`,
      // Of the last versions, by commas.
      `ids ${ddl.text} NOT NULL`,
      // The newest version.
      `event ${ddl.text} NOT NULL`,
      `is_retired ${ddl.integer} NOT NULL CHECK (is_retired IN (0, 1))`,
    ]),
  ];
}

export interface OwnEventRow {
  readonly created_at_s: bigint;
  readonly signed_at_ms: bigint;
  readonly ids: string;
  readonly event: string;
  readonly is_retired: bigint;
}

export const OWN_EVENT = query<OwnEventRow>(
  'SELECT created_at_s, signed_at_ms, ids, event, is_retired FROM own_event WHERE coordinate = ?',
);
export const LAST_COORDINATE = query<{ coordinate: string }>(
  'SELECT coordinate FROM own_event ORDER BY signed_at_ms DESC LIMIT 1',
);
export const UPSERT_OWN_EVENT = query(
  `INSERT INTO own_event (coordinate, created_at_s, signed_at_ms, ids, event, is_retired)
   VALUES (?, ?, ?, ?, ?, ?)
   ON CONFLICT (coordinate) DO UPDATE SET created_at_s = excluded.created_at_s,
     signed_at_ms = excluded.signed_at_ms, ids = excluded.ids, event = excluded.event,
     is_retired = excluded.is_retired`,
);
