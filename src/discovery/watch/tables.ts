import { query } from '../../store/operation.ts';
import type { Ddl } from '../../store/store.ts';

/** What announced addresses answered, kept so that a start knows it at once. */
export function watchTables(ddl: Ddl): readonly string[] {
  return [
    ddl.table('node_finding', [
      `url ${ddl.text} PRIMARY KEY`,
      // The key that its /v1/info names; NULL: it names none, or was never read (info_at_ms = 0).
      `named ${ddl.text}`,
      // The key that announced this URL first, of those that still do.
      `holder ${ddl.text}`,
      // Separated by spaces, which no URL has.
      `mints ${ddl.text}`,
      `version ${ddl.text}`,
      `latency_ms ${ddl.integer}`,
      `first_at_ms ${ddl.integer} NOT NULL`,
      `checked_at_ms ${ddl.integer} NOT NULL`,
      `answered_at_ms ${ddl.integer} NOT NULL`,
      `info_at_ms ${ddl.integer} NOT NULL`,
      `missing_since_ms ${ddl.integer} NOT NULL`,
      `failures ${ddl.integer} NOT NULL CHECK (failures >= 0)`,
    ]),
    ddl.table('node_models', [
      `url ${ddl.text} PRIMARY KEY`,
      `at_ms ${ddl.integer} NOT NULL`,
      `etag ${ddl.text}`,
      // As model-text.ts writes it.
      `models ${ddl.text} NOT NULL`,
    ]),
  ];
}

export interface FindingRow {
  readonly url: string;
  readonly named: string | null;
  readonly holder: string | null;
  readonly mints: string | null;
  readonly version: string | null;
  readonly latency_ms: bigint | null;
  readonly first_at_ms: bigint;
  readonly checked_at_ms: bigint;
  readonly answered_at_ms: bigint;
  readonly info_at_ms: bigint;
  readonly missing_since_ms: bigint;
  readonly failures: bigint;
}

export interface ModelsRow {
  readonly at_ms: bigint;
  readonly etag: string | null;
  readonly models: string;
}

/** A page of them: those after a URL. */
export const FINDINGS_AFTER = query<FindingRow>(
  'SELECT * FROM node_finding WHERE url > ? ORDER BY url LIMIT ?',
);
export const FINDING = query<FindingRow>('SELECT * FROM node_finding WHERE url = ?');
export const FINDING_COUNT = query<{ count: bigint }>('SELECT count(*) AS count FROM node_finding');
/** Whose the sites are that have a model list. */
export const SELLERS = query<{ named: string | null; holder: string | null }>(
  'SELECT named, holder FROM node_finding WHERE url IN (SELECT url FROM node_models)',
);
export const MODEL_URLS = query<{ url: string }>(
  'SELECT url FROM node_models ORDER BY at_ms DESC LIMIT ?',
);
export const MODELS = query<ModelsRow>('SELECT at_ms, etag, models FROM node_models WHERE url = ?');

export const UPSERT_FINDING = query(
  `INSERT INTO node_finding (url, named, holder, mints, version, latency_ms, first_at_ms, checked_at_ms, answered_at_ms,
     info_at_ms, missing_since_ms, failures)
   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
   ON CONFLICT (url) DO UPDATE SET named = excluded.named, holder = excluded.holder, mints = excluded.mints,
     version = excluded.version, latency_ms = excluded.latency_ms, checked_at_ms = excluded.checked_at_ms,
     answered_at_ms = excluded.answered_at_ms, info_at_ms = excluded.info_at_ms,
     missing_since_ms = excluded.missing_since_ms, failures = excluded.failures`,
);
export const UPSERT_MODELS = query(
  `INSERT INTO node_models (url, at_ms, etag, models) VALUES (?, ?, ?, ?)
   ON CONFLICT (url) DO UPDATE SET at_ms = excluded.at_ms, etag = excluded.etag, models = excluded.models`,
);
export const RENEW_MODELS = query('UPDATE node_models SET at_ms = ? WHERE url = ?');
export const DELETE_MODELS = query('DELETE FROM node_models WHERE url = ?');

export const PURGE_OLD_FINDINGS = query('DELETE FROM node_finding WHERE checked_at_ms < ?');
/** All but so many: those that answered last stay. */
export const PURGE_SURPLUS_FINDINGS = query(
  `DELETE FROM node_finding WHERE url NOT IN
     (SELECT url FROM node_finding ORDER BY answered_at_ms DESC, checked_at_ms DESC LIMIT ?)`,
);
export const PURGE_MODELS = query(
  `DELETE FROM node_models WHERE url NOT IN (SELECT url FROM node_models ORDER BY at_ms DESC LIMIT ?)`,
);
