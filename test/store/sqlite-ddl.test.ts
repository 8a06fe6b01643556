import { expect, test } from 'vitest';

import { get, query, run } from '../../src/store/operation.ts';
import type { Schema } from '../../src/store/store.ts';
import { insertPurse, openPurses, purseSchema, selectMsat, spend } from './support.ts';

const guards: Schema = {
  owner: 'guards',
  migrations: [
    (ddl) => [
      ddl.forbid({
        name: 'purse_no_riches',
        table: 'purse',
        event: 'insert',
        when: 'NEW.msat > 100',
        message: "a new purse's content is small",
      }),
      ddl.forbid({
        name: 'purse_only_pays',
        table: 'purse',
        event: 'update',
        when: 'NEW.msat > OLD.msat',
        message: 'a purse only pays',
      }),
      ddl.forbid({
        name: 'purse_stays',
        table: 'purse',
        event: 'delete',
        when: 'OLD.msat > 0 OR OLD.owner IS NULL',
        message: 'a purse with money stays',
      }),
    ],
  ],
};

const remove = query('DELETE FROM purse WHERE owner = ?');

test('a forbidding trigger refuses the rows of its condition, with its message, and lets others pass', async () => {
  const { store, fatal } = await openPurses({ schemas: [purseSchema, guards] });

  const results = await Promise.allSettled([
    store.write(() => run(insertPurse, 'alice', 100n)),
    store.write(() => run(insertPurse, 'rich', 101n)),
    store.write(() => run(spend, -1n, 'alice')),
    store.write(() => run(spend, 1n, 'alice')),
    store.write(() => run(remove, 'alice')),
  ]);

  const messages = results.map((result) =>
    result.status === 'rejected' ? (result.reason as Error).message : 'passed',
  );
  expect(messages).toEqual([
    'passed',
    "a new purse's content is small",
    'a purse only pays',
    'passed',
    'a purse with money stays',
  ]);
  expect(await store.read(() => get(selectMsat, 'alice'))).toEqual({ msat: 99n });
  expect(fatal).toEqual([]);

  await store.write(() => run(spend, 99n, 'alice'));
  await expect(store.write(() => run(remove, 'alice'))).resolves.toBe(1);
});

test('a table is strict: text in an integer column is refused', async () => {
  const { store } = await openPurses();
  const insert = query('INSERT INTO purse (owner, msat) VALUES (?, ?)');

  await expect(store.write(() => run(insert, 'alice', 'much'))).rejects.toThrow(
    /cannot store TEXT value in INTEGER column/,
  );
});
