import { rmSync } from 'node:fs';

import type { Database } from 'better-sqlite3';

import type { Log } from '../lib/log.ts';
import { createPrivateFile } from './database-file.ts';
import { sqliteDdl } from './sqlite-ddl.ts';
import type { Schema } from './store.ts';

interface Step {
  readonly owner: string;
  readonly from: number;
  readonly to: number;
  readonly statements: readonly string[];
}

/**
 * Brings every owner's tables to the version this program knows: all in one transaction, after a copy of a database that
 * already holds something. Throws, with nothing changed, if the database is newer in any owner, or not ours.
 */
export function migrate(connection: Database, schemas: readonly Schema[], log: Log): void {
  refuseDoubleOwners(schemas);
  const versions = readVersions(connection);
  refuseStrangers(connection, schemas, versions);
  const steps = schemas.flatMap((schema) => pending(connection, schema, versions));
  if (steps.length === 0) return;
  const copy = versions.size === 0 ? undefined : keepCopy(connection);
  try {
    apply(connection, steps);
  } catch (cause) {
    // The database is as it was: a program that fails at every start must not fill the disk with copies.
    if (copy !== undefined) rmSync(copy);
    throw new Error(`the database ${connection.name} could not be migrated`, { cause });
  }
  const owners = steps.map(({ owner, from, to }) => ({ owner, from, to }));
  log.info({ event: 'database_migrated', owners, copy }, 'database migrated');
}

/** Throws unless the database holds these schemas in exactly the versions that this program knows. */
export function requireVersions(connection: Database, schemas: readonly Schema[]): void {
  refuseDoubleOwners(schemas);
  const versions = readVersions(connection);
  for (const schema of schemas) {
    const [step] = pending(connection, schema, versions);
    if (step === undefined) continue;
    throw new Error(
      `the database ${connection.name} is older than this program (${step.owner}: version ${step.from}, ` +
        `this program: ${step.to}); start the router once to migrate it`,
    );
  }
}

function refuseDoubleOwners(schemas: readonly Schema[]): void {
  const owners = new Set<string>();
  for (const { owner } of schemas) {
    if (owners.has(owner)) throw new Error(`two schemas are owned by ${owner}`);
    owners.add(owner);
  }
}

function refuseStrangers(
  connection: Database,
  schemas: readonly Schema[],
  versions: ReadonlyMap<string, number>,
): void {
  const known = new Set(schemas.map(({ owner }) => owner));
  for (const owner of versions.keys()) {
    if (known.has(owner)) continue;
    throw new Error(
      `the database ${connection.name} is from a newer program: this one does not know ${owner}`,
    );
  }
}

function pending(
  connection: Database,
  { owner, migrations }: Schema,
  versions: ReadonlyMap<string, number>,
): Step[] {
  const from = versions.get(owner) ?? 0;
  const to = migrations.length;
  if (from > to) {
    throw new Error(
      `the database ${connection.name} is from a newer program (${owner}: version ${from}, this program: ${to})`,
    );
  }
  if (from === to) return [];
  const statements = migrations.slice(from).flatMap((migration) => migration(sqliteDdl));
  return [{ owner, from, to, statements }];
}

function readVersions(connection: Database): ReadonlyMap<string, number> {
  const tables = connection
    .prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'")
    .all();
  if (tables.length === 0) return new Map();
  if (!tables.some(({ name }) => name === 'schema_version')) {
    throw new Error(`${connection.name} is the database of another program`);
  }
  const rows = connection
    .prepare<[], { owner: string; version: bigint }>('SELECT owner, version FROM schema_version')
    .all();
  return new Map(rows.map(({ owner, version }) => [owner, Number(version)]));
}

function keepCopy(connection: Database): string {
  const stamp = new Date().toISOString().replaceAll(/[-:]/g, '');
  const copy = `${connection.name}.before-${stamp}`;
  if (!createPrivateFile(copy)) throw new Error(`the copy ${copy} exists already`);
  // VACUUM INTO accepts an empty file, reads the WAL too, and syncs as the connection does.
  connection.prepare<[string]>('VACUUM INTO ?').run(copy);
  return copy;
}

function apply(connection: Database, steps: readonly Step[]): void {
  connection.exec('BEGIN IMMEDIATE');
  try {
    connection.exec(
      'CREATE TABLE IF NOT EXISTS schema_version (owner TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT',
    );
    const record = connection.prepare<[string, bigint]>(
      'INSERT INTO schema_version (owner, version) VALUES (?, ?) ' +
        'ON CONFLICT (owner) DO UPDATE SET version = excluded.version',
    );
    for (const { owner, to, statements } of steps) {
      for (const statement of statements) connection.exec(statement);
      record.run(owner, BigInt(to));
    }
    connection.exec('COMMIT');
  } catch (error) {
    if (connection.inTransaction) connection.exec('ROLLBACK');
    throw error;
  }
}
