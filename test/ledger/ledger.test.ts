import Database from 'better-sqlite3';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import {
  account,
  credit,
  debit,
  dropAccount,
  moveRest,
  moveState,
  openAccount,
} from '../../src/ledger/accounts.ts';
import { checkLedger } from '../../src/ledger/books.ts';
import { capture, hold, recoverHolds, release, renew, wait } from '../../src/ledger/holds.ts';
import { msat } from '../../src/lib/amount.ts';
import type { Store } from '../../src/store/store.ts';
import { testStore } from '../support/ledger-store.ts';

const NOW = 1_700_000_000_000;

async function fund(store: Store, id: string, amountMsat: bigint): Promise<void> {
  await store.write(function* () {
    yield* openAccount({ id, mint: 1n, unit: 'sat', mode: 'once', nowMs: NOW });
    yield* credit({ account: id, other: 'payer', amountMsat, reason: 'token', nowMs: NOW });
    yield* moveState(id, 'redeeming', 'open');
  });
}

function askFor(accountId: string, amount: bigint, waiting?: bigint) {
  const ask = { wanted: msat(amount), modest: msat(amount), floor: msat(amount) };
  return { account: accountId, request: 'r', ask, snapshot: 's', nowMs: NOW, waiting };
}

async function held(store: Store, id: string, amount: bigint): Promise<bigint> {
  const result = await store.write(() => hold(askFor(id, amount)));
  if (result.kind !== 'held') throw new Error(result.kind);
  return result.id;
}

test('a hold is captured once, for at most what was held, and the rest is free again', async () => {
  await using db = await testStore();
  await fund(db.store, 'a', 10_000n);
  const id = await held(db.store, 'a', 4000n);

  const first = await db.store.write(() => capture(id, msat(9000n), NOW));
  const second = await db.store.write(() => capture(id, msat(9000n), NOW));

  expect(first?.charge).toBe(4000n);
  expect(second).toBeUndefined();
  expect(first?.account).toMatchObject({ balance_msat: 6000n, held_msat: 0n, running: 0n });
  expect((await db.store.read(checkLedger)).faults).toEqual([]);
});

test('parallel holds never exceed the balance', async () => {
  await using db = await testStore();
  await fund(db.store, 'a', 10_000n);

  const results = await Promise.all(
    Array.from({ length: 20 }, async () => db.store.write(() => hold(askFor('a', 1500n)))),
  );

  expect(results.filter((result) => result.kind === 'held')).toHaveLength(6);
  expect(results.filter((result) => result.kind === 'short' && result.siblings)).toHaveLength(14);
});

test('a request that waits becomes a running hold, or gives up', async () => {
  await using db = await testStore();
  await fund(db.store, 'a', 1000n);
  const first = await db.store.write(() => wait('a', 'r1', NOW));
  const second = await db.store.write(() => wait('a', 'r2', NOW));

  const started = await db.store.write(() => hold(askFor('a', 400n, first)));
  const left = await db.store.write(() => release(second ?? 0n, NOW));

  expect(started.kind).toBe('held');
  expect(left).toMatchObject({ running: 1n, waiting: 0n });
  expect((await db.store.read(checkLedger)).faults).toEqual([]);
});

test('nobody waits on an account that is not there', async () => {
  await using db = await testStore();
  expect(await db.store.write(() => wait('nobody', 'r', NOW))).toBeUndefined();
});

test('after a crash a running hold is charged what its lease metered, and who waited is dropped', async () => {
  await using db = await testStore();
  await fund(db.store, 'a', 10_000n);
  const id = await held(db.store, 'a', 4000n);
  await db.store.write(() => renew(id, msat(1234n), NOW));
  await db.store.write(() => wait('a', 'r2', NOW));

  const recovered = await db.store.write(() => recoverHolds(NOW));

  expect(recovered).toEqual({ charged: 1, dropped: 1 });
  expect(await db.store.read(() => account('a'))).toMatchObject({
    balance_msat: 8766n,
    held_msat: 0n,
    running: 0n,
    waiting: 0n,
  });
});

test('an account with value is never forgotten', async () => {
  await using db = await testStore();
  await fund(db.store, 'a', 1n);
  expect(await db.store.write(() => dropAccount('a', NOW))).toBe(false);
});

test('who waited on a forgotten account does not count on one that is opened anew under its id', async () => {
  await using db = await testStore();
  const fresh = { id: 'a', mint: 1n, unit: 'sat', mode: 'once', nowMs: NOW } as const;
  await db.store.write(() => openAccount(fresh));
  const late = await db.store.write(() => wait('a', 'r1', NOW));
  await db.store.write(() => dropAccount('a', NOW));
  await db.store.write(() => openAccount(fresh));
  const own = await db.store.write(() => wait('a', 'r2', NOW));

  expect(await db.store.write(() => release(late ?? 0n, NOW))).toBeUndefined();
  expect(await db.store.write(() => release(own ?? 0n, NOW))).toMatchObject({ waiting: 0n });

  expect(await db.store.write(() => recoverHolds(NOW))).toEqual({ charged: 0, dropped: 0 });
  expect((await db.store.read(checkLedger)).faults).toEqual([]);
});

test('more than is free cannot be taken from an account', async () => {
  await using db = await testStore();
  await fund(db.store, 'a', 1000n);
  await held(db.store, 'a', 600n);
  const taking = {
    account: 'a',
    other: 'payer',
    amountMsat: 500n,
    reason: 'x',
    nowMs: NOW,
  } as const;
  await expect(db.store.write(() => debit(taking))).rejects.toThrow('less than');
});

test('an entry cannot be changed or deleted, and a forged one breaks the chain', async () => {
  await using db = await testStore();
  await fund(db.store, 'a', 1000n);
  await fund(db.store, 'b', 1000n);

  const other = new Database(db.database.slice('file:'.length));
  expect(() => other.exec('UPDATE entry SET amount_msat = 5')).toThrow('never changed');
  expect(() => other.exec('DELETE FROM entry')).toThrow('never deleted');
  other.exec('DROP TRIGGER entry_is_append_only; UPDATE entry SET amount_msat = 2000 WHERE id = 1');
  other.close();

  const { faults } = await db.store.read(checkLedger);
  expect(faults).toContain('the audit chain is broken at entry 1');
  expect(faults.some((fault) => fault.includes('sum of its entries'))).toBe(true);
});

type Step =
  | { kind: 'hold'; who: number; amount: bigint }
  | { kind: 'capture'; which: number; charge: bigint }
  | { kind: 'wait'; who: number }
  | { kind: 'release'; which: number }
  | { kind: 'rest'; from: number; to: number }
  | { kind: 'out'; who: number; amount: bigint };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('hold' as const), who: fc.nat(3), amount: fc.bigInt(0n, 9999n) }),
  fc.record({
    kind: fc.constant('capture' as const),
    which: fc.nat(9),
    charge: fc.bigInt(0n, 9999n),
  }),
  fc.record({ kind: fc.constant('wait' as const), who: fc.nat(3) }),
  fc.record({ kind: fc.constant('release' as const), which: fc.nat(9) }),
  fc.record({ kind: fc.constant('rest' as const), from: fc.nat(3), to: fc.nat(3) }),
  fc.record({ kind: fc.constant('out' as const), who: fc.nat(3), amount: fc.bigInt(1n, 9999n) }),
);

test('whatever happens, in = charges + out + balances, and the chain holds', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      await using db = await testStore();
      const { store } = db;
      for (const id of ['0', '1', '2', '3']) await fund(store, id, 20_000n);
      const holds: bigint[] = [];
      const waits: bigint[] = [];
      let out = 0n;
      for (const s of steps) {
        if (s.kind === 'hold') {
          const result = await store.write(() => hold(askFor(String(s.who), s.amount)));
          if (result.kind === 'held') holds.push(result.id);
        } else if (s.kind === 'capture') {
          const id = holds[s.which % Math.max(1, holds.length)];
          if (id !== undefined) await store.write(() => capture(id, msat(s.charge), NOW));
        } else if (s.kind === 'wait') {
          const id = await store.write(() => wait(String(s.who), 'w', NOW));
          if (id !== undefined) waits.push(id);
        } else if (s.kind === 'release') {
          const id = waits[s.which % Math.max(1, waits.length)];
          if (id !== undefined) await store.write(() => release(id, NOW));
        } else if (s.kind === 'rest') {
          const { from, to } = s;
          if (from !== to)
            await store
              .write(() => moveRest(String(from), String(to), NOW))
              .catch((error: Error) => expect(error.message).toContain('dust'));
        } else {
          const { who, amount: amountMsat } = s;
          const movement = { account: String(who), other: 'payer', amountMsat } as const;
          await store
            .write(() => debit({ ...movement, reason: 'change', nowMs: NOW }))
            .then(() => {
              out += amountMsat;
            })
            .catch((error: Error) => expect(error.message).toContain('less than'));
        }
      }
      const books = await store.read(checkLedger);
      expect(books.faults).toEqual([]);
      expect(books.owedMsat + books.revenueMsat + out).toBe(80_000n);
      expect(books.assetsMsat).toBe(80_000n - out);
    }),
    { numRuns: 30 },
  );
});
