import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { expect, test } from 'vitest';

import { silentLog } from '../../src/lib/log.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Param } from '../../src/store/operation.ts';
import { all, get, query, run } from '../../src/store/operation.ts';
import {
  insertPurse,
  openBeside,
  openPurses,
  purseSchema,
  selectMsat,
  selectPurses,
  spend,
  temporaryFolder,
} from './support.ts';

const BEYOND_DOUBLE = 2n ** 53n + 1n;

test('what a write has resolved is read back, also after closing and opening again', async () => {
  const { store, file } = await openPurses();

  await expect(store.write(() => run(insertPurse, 'alice', 5n))).resolves.toBe(1);
  await store.close();
  const again = await openPurses({ database: `file:${file}` });

  const expected = [{ id: 1n, owner: 'alice', msat: 5n, note: null }];
  await expect(again.store.read(() => all(selectPurses))).resolves.toEqual(expected);
});

test('an operation reads what it and the operations queued before it wrote', async () => {
  const { store } = await openPurses();

  const [, balance] = await Promise.all([
    store.write(() => run(insertPurse, 'alice', 5n)),
    store.write(function* () {
      yield* run(spend, 2n, 'alice');
      return yield* get(selectMsat, 'alice');
    }),
  ]);

  expect(balance).toEqual({ msat: 3n });
});

test('msat beyond 2^53 stay exact in both directions and in arithmetic', async () => {
  const { store } = await openPurses();

  await store.write(() => run(insertPurse, 'alice', BEYOND_DOUBLE + 2n));
  await store.write(() => run(spend, 2n, 'alice'));

  const row = await store.read(() => get(selectMsat, 'alice'));
  expect(row).toEqual({ msat: BEYOND_DOUBLE });
});

test.each([
  ['number', 2],
  ['boolean', true],
  ['undefined', undefined],
  ['object', { msat: 2n }],
])('a %s as a parameter of a money statement is refused before SQLite sees it', async (_, bad) => {
  const { store } = await openPurses();
  await store.write(() => run(insertPurse, 'alice', BEYOND_DOUBLE));

  const spending = store.write(() => run(spend, bad as unknown as Param, 'alice'));
  await expect(spending).rejects.toThrow(TypeError);
  await expect(store.read(() => get(selectMsat, bad as unknown as Param))).rejects.toThrow(
    /parameter 1 is a JS/,
  );

  const row = await store.read(() => get(selectMsat, 'alice'));
  expect(row).toEqual({ msat: BEYOND_DOUBLE });
});

test('bytes and null are parameters', async () => {
  const { store } = await openPurses();
  const insert = query('INSERT INTO purse (owner, msat, note) VALUES (?, 0, ?)');

  await store.write(() => run(insert, null, new Uint8Array([0, 255])));

  const [row] = await store.read(() => all(selectPurses));
  expect(row?.owner).toBeNull();
  expect([...(row?.note ?? [])]).toEqual([0, 255]);
});

test('a reading operation runs at once and does not see what is only queued', async () => {
  const { store } = await openPurses();

  const writing = store.write(() => run(insertPurse, 'alice', 5n));
  const reading = store.read(() => all(selectPurses));
  await writing;

  await expect(reading).resolves.toEqual([]);
});

test('a reading operation that would write is refused', async () => {
  const { store } = await openPurses();
  const returning = query('INSERT INTO purse (msat) VALUES (1) RETURNING id');

  await expect(store.read(() => run(insertPurse, 'alice', 5n))).rejects.toThrow(/reading/);
  await expect(store.read(() => get(returning))).rejects.toThrow(/reading/);

  await expect(store.read(() => all(selectPurses))).resolves.toEqual([]);
});

test.each([
  'COMMIT',
  'ROLLBACK',
  'PRAGMA foreign_keys = OFF',
  'INSERT OR ROLLBACK INTO purse (msat) VALUES (1)',
])('an operation cannot run %s', async (sql) => {
  const { store, fatal } = await openPurses();

  const [before, refused, after] = await Promise.allSettled([
    store.write(() => run(insertPurse, 'before', 1n)),
    store.write(() => run(query(sql))),
    store.write(() => run(insertPurse, 'after', 1n)),
  ]);

  expect(refused).toMatchObject({ status: 'rejected', reason: expect.any(TypeError) });
  expect([before.status, after.status]).toEqual(['fulfilled', 'fulfilled']);
  expect(fatal).toEqual([]);
});

test('foreign keys hold', async () => {
  const { store } = await openPurses({
    schemas: [
      purseSchema,
      {
        owner: 'coin',
        migrations: [
          (ddl) => [ddl.table('coin', [`purse ${ddl.integer} NOT NULL REFERENCES purse (id)`])],
        ],
      },
    ],
  });

  const orphan = store.write(() => run(query('INSERT INTO coin (purse) VALUES (7)')));

  await expect(orphan).rejects.toThrow(/FOREIGN KEY/);
});

test('the database and its folder are for their owner only, its WAL and lock too', async () => {
  const { store, file } = await openPurses({
    database: `file:${join(temporaryFolder(), 'a', 'b', 'purses.db')}`,
  });
  await store.write(() => run(insertPurse, 'alice', 5n));

  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
  expect(mode(dirname(file))).toBe('700');
  expect(mode(dirname(dirname(file)))).toBe('700');
  expect([file, `${file}-wal`, `${file}-shm`, `${file}.lock`].map(mode)).toEqual(
    Array(4).fill('600'),
  );
});

test('closing commits what is queued, twice is once, and what comes later is refused', async () => {
  const { store, file } = await openPurses();

  const writing = store.write(() => run(insertPurse, 'alice', 5n));
  await Promise.all([store.close(), store.close()]);

  await expect(writing).resolves.toBe(1);
  await expect(store.write(() => run(insertPurse, 'bob', 5n))).rejects.toThrow(/closed/);
  await expect(store.read(() => all(selectPurses))).rejects.toThrow(/closed/);
  expect(openBeside(file).prepare('SELECT owner FROM purse').all()).toEqual([{ owner: 'alice' }]);
});

test('a reading store works beside the writing one, sees its commits and refuses writes', async () => {
  const { store, file } = await openPurses();
  await store.write(() => run(insertPurse, 'alice', 5n));
  const reading = await openPurses({ database: `file:${file}`, readOnly: true });
  await store.write(() => run(spend, 2n, 'alice'));

  const row = await reading.store.read(() => get(selectMsat, 'alice'));
  const refused = reading.store.write(() => run(spend, 1n, 'alice'));

  expect(row).toEqual({ msat: 3n });
  await expect(refused).rejects.toThrow(/reading only/);
});

test('a reading operation of a reading store stays on one snapshot while another process commits', async () => {
  const { store, file } = await openPurses();
  await store.write(() => run(insertPurse, 'alice', 5n));
  const reading = await openPurses({ database: `file:${file}`, readOnly: true });
  const other = openBeside(file);

  const rows = await reading.store.read(function* () {
    const first = yield* get(selectMsat, 'alice');
    other.exec("UPDATE purse SET msat = 1 WHERE owner = 'alice'");
    return [first, yield* get(selectMsat, 'alice')];
  });

  expect(rows).toEqual([{ msat: 5n }, { msat: 5n }]);
  await expect(reading.store.read(() => get(selectMsat, 'alice'))).resolves.toEqual({ msat: 1n });
});

test('a reading store of a database that does not exist is refused, and creates nothing', async () => {
  const folder = temporaryFolder();

  const opening = openPurses({ database: `file:${folder}/sub/no.db`, readOnly: true });

  await expect(opening).rejects.toThrow(`the database ${folder}/sub/no.db does not exist`);
  expect(() => statSync(join(folder, 'sub'))).toThrow(/ENOENT/);
});

test('a file:// URL names the same database as its path', async () => {
  const { store, file } = await openPurses();

  const second = openPurses({ database: `file://${file}` });

  await expect(second).rejects.toThrow(`the database ${file} is in use`);
  await store.close();
});

test('a symbolic link to a database in use is refused as the database itself', async () => {
  const { file } = await openPurses();
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'links'));
  symlinkSync(file, join(folder, 'links', 'purses.db'));
  symlinkSync(dirname(file), join(folder, 'folder'));

  const byFile = openPurses({ database: `file:${folder}/links/purses.db` });
  const byFolder = openPurses({ database: `file:${folder}/folder/purses.db` });

  await expect(byFile).rejects.toThrow(/in use/);
  await expect(byFolder).rejects.toThrow(/in use/);
});

test('a file that is no database is refused by name and left as it is', async () => {
  const file = join(temporaryFolder(), 'letter.db');
  writeFileSync(file, 'Dear reader, '.repeat(100));

  await expect(openPurses({ database: `file:${file}` })).rejects.toThrow(
    `the database ${file} could not be opened: file is not a database`,
  );

  expect(statSync(file).size).toBe(1300);
});

test.each([
  ['postgres://router:hunter2@db.example/nutroute', /file:.*postgres/],
  ['/var/lib/nutroute.db', /file:/],
  ['file:', /file:/],
  ['file::memory:', /file:/],
  ['file:x.db?mode=memory', /without parameters/],
])('%s is not a database we open', async (database, message) => {
  const opening = openStore({ database, schemas: [], log: silentLog, onFatal: () => undefined });

  const error = await opening.then(
    () => new Error('opened'),
    (reason: Error) => reason,
  );
  expect(error.message).toMatch(message);
  expect(error.message).not.toContain('hunter2');
});
