import Database from 'better-sqlite3';
import { expect, test } from 'vitest';

import { ledgerSchema } from '../../src/ledger/schema.ts';
import { silentLog } from '../../src/lib/log.ts';
import { openStore } from '../../src/store/open-store.ts';
import { treasurySchema } from '../../src/treasury/schema.ts';
import { lastSent } from '../../src/treasury/tokens.ts';
import { walletSchema } from '../../src/wallet/schema.ts';
import { givenCoins } from '../../src/wallet/treasury-coins.ts';
import { testStore } from '../support/ledger-store.ts';

test('tokens that the operator sent before tokens were counted are known, and numbers go on after them', async () => {
  const before = { owner: 'wallet', migrations: walletSchema.migrations.slice(0, 1) };
  await using old = await testStore([ledgerSchema, before]);
  await old.store.close();
  const db = new Database(old.database.slice('file:'.length));
  const insert = db.prepare(
    `INSERT INTO coin (y, mint, keyset, amount, seed, counter, c, owner, state, made_by)
     VALUES (?, 1, 'k', ?, 'treasury', ?, x'02', 'treasury', 'free', 1)`,
  );
  const give = db.prepare(
    `UPDATE coin SET state = 'given', given_to = 'treasury', change = ? WHERE counter = ?`,
  );
  for (const counter of [1, 2, 3, 4]) insert.run(Buffer.from([counter]), counter, counter);
  for (const [change, counter] of [
    [1, 1],
    [2, 2],
    [2, 3],
  ])
    give.run(change, counter);
  db.close();

  const store = await openStore({
    database: old.database,
    schemas: [ledgerSchema, walletSchema, treasurySchema],
    log: silentLog,
    onFatal(cause) {
      throw cause;
    },
  });

  const sent = await store.read(lastSent);
  const coins = await store.read(() => givenCoins(2n));
  await store.close();
  expect(sent).toMatchObject({ id: 2n, sat: 5n, holder: 'operator' });
  expect(coins.map(({ amount }) => amount)).toEqual([2n, 3n]);
});
