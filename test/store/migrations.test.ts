import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import Database from 'better-sqlite3';
import { expect, test } from 'vitest';

import { all, query, run } from '../../src/store/operation.ts';
import type { Schema } from '../../src/store/store.ts';
import {
  insertPurse,
  openBeside,
  openPurses,
  purseSchema,
  selectPurses,
  temporaryFolder,
} from './support.ts';

const grownSchema: Schema = {
  owner: 'purse',
  migrations: [
    ...purseSchema.migrations,
    (ddl) => [
      `ALTER TABLE purse ADD COLUMN age ${ddl.integer} NOT NULL DEFAULT 0`,
      "UPDATE purse SET age = 7 WHERE owner = 'alice'",
    ],
  ],
};

const brokenSchema: Schema = {
  owner: 'purse',
  migrations: [
    ...purseSchema.migrations,
    () => ['UPDATE purse SET msat = 0', 'ALTER TABLE nowhere ADD COLUMN x INTEGER'],
  ],
};

function copiesOf(file: string): string[] {
  const names = readdirSync(dirname(file));
  return names
    .filter((name) => name.startsWith(`${basename(file)}.before-`))
    .map((name) => join(dirname(file), name));
}

/** A closed database that holds one purse. */
async function closedDatabase(): Promise<string> {
  const { store, file } = await openPurses();
  await store.write(() => run(insertPurse, 'alice', 5n));
  await store.close();
  return file;
}

test('every owner has its own version, and a released migration runs once', async () => {
  const file = await closedDatabase();

  const { store } = await openPurses({ database: `file:${file}`, schemas: [grownSchema] });
  await store.close();
  const again = await openPurses({ database: `file:${file}`, schemas: [grownSchema] });

  const rows = await again.store.read(() => all(query('SELECT owner, age FROM purse')));
  expect(rows).toEqual([{ owner: 'alice', age: 7n }]);
  const versions = openBeside(file).prepare('SELECT * FROM schema_version ORDER BY owner').all();
  expect(versions).toEqual([
    { owner: 'purse', version: 2n },
    { owner: 'store', version: 1n },
  ]);
});

test('a copy as it was, for the owner only, is kept before a database that holds something is migrated', async () => {
  const file = await closedDatabase();
  expect(copiesOf(file)).toEqual([]);

  const { store } = await openPurses({ database: `file:${file}`, schemas: [grownSchema] });
  await store.close();

  const [copy, ...more] = copiesOf(file);
  expect(more).toEqual([]);
  expect(statSync(copy ?? '').mode & 0o777).toBe(0o600);
  const old = await openPurses({ database: `file:${copy}` });
  const expected = [{ id: 1n, owner: 'alice', msat: 5n, note: null }];
  await expect(old.store.read(() => all(selectPurses))).resolves.toEqual(expected);
});

test('a migration that fails changes nothing, leaves no copy, and says which database', async () => {
  const file = await closedDatabase();

  const opening = openPurses({ database: `file:${file}`, schemas: [brokenSchema] });

  await expect(opening).rejects.toThrow(`the database ${file} could not be migrated`);
  expect(copiesOf(file)).toEqual([]);
  const { store } = await openPurses({ database: `file:${file}` });
  const expected = [{ id: 1n, owner: 'alice', msat: 5n, note: null }];
  await expect(store.read(() => all(selectPurses))).resolves.toEqual(expected);
});

test('a failed opening leaves the database free for the next one in the same process', async () => {
  const file = await closedDatabase();

  await expect(openPurses({ database: `file:${file}`, schemas: [brokenSchema] })).rejects.toThrow(
    /migrated/,
  );

  const { store } = await openPurses({ database: `file:${file}` });
  await expect(store.write(() => run(insertPurse, 'bob', 1n))).resolves.toBe(1);
});

test.each([false, true])(
  'a database of a newer version is refused, naming both versions (readOnly: %s)',
  async (readOnly) => {
    const file = await closedDatabase();
    const newer = await openPurses({ database: `file:${file}`, schemas: [grownSchema] });
    await newer.store.close();

    const opening = openPurses({ database: `file:${file}`, readOnly });

    await expect(opening).rejects.toThrow(/newer.*purse: version 2, this program: 1/);
  },
);

test('a database with an owner that this program does not know is refused for writing', async () => {
  const file = await closedDatabase();

  await expect(openPurses({ database: `file:${file}`, schemas: [] })).rejects.toThrow(
    /newer.*does not know purse/,
  );
});

test('a reading store does not migrate: an older database is refused', async () => {
  const file = await closedDatabase();

  const opening = openPurses({
    database: `file:${file}`,
    schemas: [grownSchema],
    readOnly: true,
  });

  await expect(opening).rejects.toThrow(/older.*purse: version 1, this program: 2/);
});

test('the database of another program is refused untouched', async () => {
  const file = join(temporaryFolder(), 'other.db');
  const other = new Database(file);
  other.exec('CREATE TABLE bookmark (url TEXT)');
  other.close();

  await expect(openPurses({ database: `file:${file}` })).rejects.toThrow(/another program/);

  const tables = openBeside(file).prepare('SELECT name FROM sqlite_schema').all();
  expect(tables).toEqual([{ name: 'bookmark' }]);
});

test.each([
  ['twice the same owner', [purseSchema, { ...purseSchema, migrations: [] }]],
  ["the store's own name", [{ owner: 'store', migrations: [] }]],
])('schemas with %s are refused', async (_, schemas) => {
  await expect(openPurses({ schemas })).rejects.toThrow(/two schemas are owned by/);
});
