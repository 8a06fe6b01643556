import { query } from '../../store/operation.ts';
import type { Ddl } from '../../store/store.ts';

/** What relays have told, as far as it counts. */
export function registryTables(ddl: Ddl): readonly string[] {
  return [
    ddl.table('announcement', [
      `pubkey ${ddl.text} NOT NULL`,
      `d ${ddl.text} NOT NULL`,
      `id ${ddl.text} NOT NULL`,
      `created_at_s ${ddl.integer} NOT NULL`,
      `expires_at_s ${ddl.integer}`,
      // Who told of this address first, and when.
      `source ${ddl.text} NOT NULL`,
      `seen_at_ms ${ddl.integer} NOT NULL`,
      // What was read out of the event, as facts.ts writes it: a start does not read the events again.
      `facts ${ddl.text} NOT NULL`,
      `PRIMARY KEY (pubkey, d)`,
    ]),
    ddl.table('deletion', [
      `coordinate ${ddl.text} PRIMARY KEY`,
      `up_to_s ${ddl.integer} NOT NULL`,
      `is_held ${ddl.integer} NOT NULL CHECK (is_held IN (0, 1))`,
      `seen_at_ms ${ddl.integer} NOT NULL`,
    ]),
    // Reviews, aliases and choices of the anchors, newest version of each address.
    ddl.table('anchor_event', [`coordinate ${ddl.text} PRIMARY KEY`, `json ${ddl.text} NOT NULL`]),
  ];
}

export interface AnnouncementRow {
  readonly pubkey: string;
  readonly d: string;
  readonly id: string;
  readonly created_at_s: bigint;
  readonly expires_at_s: bigint | null;
  readonly source: string;
  readonly seen_at_ms: bigint;
  readonly facts: string;
}

const ANNOUNCEMENTS =
  'SELECT pubkey, d, id, created_at_s, expires_at_s, source, seen_at_ms, facts FROM announcement';
/** A page of them: those after an address. */
export const ANNOUNCEMENTS_AFTER = query<AnnouncementRow>(
  `${ANNOUNCEMENTS} WHERE (pubkey, d) > (?, ?) ORDER BY pubkey, d LIMIT ?`,
);
export const ANNOUNCEMENTS_OF = query<AnnouncementRow>(`${ANNOUNCEMENTS} WHERE pubkey = ?`);
export const UPSERT_ANNOUNCEMENT = query(
  `INSERT INTO announcement (pubkey, d, id, created_at_s, expires_at_s, source, seen_at_ms, facts)
   VALUES (?, ?, ?, ?, ?, ?, ?, ?)
   ON CONFLICT (pubkey, d) DO UPDATE SET id = excluded.id, created_at_s = excluded.created_at_s,
     expires_at_s = excluded.expires_at_s, facts = excluded.facts`,
);
export const DELETE_ANNOUNCEMENT = query('DELETE FROM announcement WHERE pubkey = ? AND d = ?');

export const DELETIONS = query<{ coordinate: string; up_to_s: bigint; is_held: bigint }>(
  'SELECT coordinate, up_to_s, is_held FROM deletion ORDER BY seen_at_ms, coordinate',
);
export const UPSERT_DELETION = query(
  `INSERT INTO deletion (coordinate, up_to_s, is_held, seen_at_ms) VALUES (?, ?, ?, ?)
   ON CONFLICT (coordinate) DO UPDATE SET up_to_s = excluded.up_to_s, is_held = excluded.is_held`,
);
export const DELETE_DELETION = query('DELETE FROM deletion WHERE coordinate = ?');

export const ANCHOR_EVENTS = query<{ json: string }>('SELECT json FROM anchor_event');
export const UPSERT_ANCHOR_EVENT = query(
  `INSERT INTO anchor_event (coordinate, json) VALUES (?, ?)
   ON CONFLICT (coordinate) DO UPDATE SET json = excluded.json`,
);
export const DELETE_ANCHOR_EVENT = query('DELETE FROM anchor_event WHERE coordinate = ?');
