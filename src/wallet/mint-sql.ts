import { get, query } from '../store/operation.ts';
import type { Operation } from '../store/operation.ts';
import type { Ddl } from '../store/store.ts';
import type { SeedName } from './seeds.ts';

/** The tables of mints, their keysets and our NUT-13 counters. */
export function mintTables(ddl: Ddl): string[] {
  return [
    ddl.table('mint', [`id ${ddl.integer} PRIMARY KEY`, `url ${ddl.text} NOT NULL UNIQUE`]),
    // The primary key keeps one mint from taking over another's keyset id.
    ddl.table('keyset', [
      `id ${ddl.text} PRIMARY KEY`,
      `mint ${ddl.integer} NOT NULL REFERENCES mint (id)`,
      `unit ${ddl.text} NOT NULL`,
      `active ${ddl.integer} NOT NULL CHECK (active IN (0, 1))`,
      `ppk ${ddl.integer} NOT NULL CHECK (ppk >= 0)`,
      `expiry_s ${ddl.integer}`,
      // "amount:key" pairs, ascending and comma separated, as in the preimage of a NUT-02 id.
      `keys ${ddl.text} NOT NULL`,
    ]),
    ddl.table('counter', [
      `keyset ${ddl.text} NOT NULL`,
      `seed ${ddl.text} NOT NULL CHECK (seed IN ('payers', 'treasury'))`,
      `next ${ddl.integer} NOT NULL CHECK (next > 0)`,
      `PRIMARY KEY (keyset, seed)`,
    ]),
  ];
}

export interface KeysetRow {
  readonly id: string;
  readonly mint: bigint;
  readonly unit: string;
  readonly active: bigint;
  readonly ppk: bigint;
  readonly expiry_s: bigint | null;
  readonly keys: string;
}

export const MINT_BY_URL = query<{ id: bigint }>('SELECT id FROM mint WHERE url = ?');
export const INSERT_MINT = query<{ id: bigint }>(
  'INSERT INTO mint (id, url) SELECT coalesce(max(id), 0) + 1, ? FROM mint RETURNING id',
);
export const KEYSETS_OF_MINT = query<KeysetRow>('SELECT * FROM keyset WHERE mint = ?');
export const KEYSET_HOLDER = query<{ id: bigint; url: string }>(
  'SELECT mint.id, mint.url FROM keyset JOIN mint ON mint.id = keyset.mint WHERE keyset.id = ?',
);
/** The keys of an id never change; what its mint says about it may. */
export const UPSERT_KEYSET = query(
  `INSERT INTO keyset (id, mint, unit, active, ppk, expiry_s, keys) VALUES (?, ?, ?, ?, ?, ?, ?)
   ON CONFLICT (id) DO UPDATE SET active = excluded.active, ppk = excluded.ppk`,
);

const RESERVE = query<{ next: bigint }>(
  `INSERT INTO counter (keyset, seed, next) VALUES (?, ?, ?)
   ON CONFLICT (keyset, seed) DO UPDATE SET next = counter.next + excluded.next RETURNING next`,
);
/**
 * Reserves `count` NUT-13 counters for ever and returns the first; the others follow it. Part of the caller's transaction: an
 * output is only asked for with a counter whose reservation is committed with its journal row.
 */
export function* reserveCounters(keyset: string, seed: SeedName, count: bigint): Operation<bigint> {
  if (count < 1n) throw new RangeError('reserve at least one counter');
  const row = yield* get(RESERVE, keyset, seed, count);
  if (row === undefined) throw new Error('the counter was not written');
  return row.next - count;
}
