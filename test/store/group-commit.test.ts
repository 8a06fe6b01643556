import { expect, test } from 'vitest';

import type { Call } from '../../src/store/operation.ts';
import { all, get, query, run } from '../../src/store/operation.ts';
import type { Store } from '../../src/store/store.ts';
import { insertPurse, openBeside, openPurses, selectMsat, selectPurses, spend } from './support.ts';

async function owners(store: Store): Promise<(string | null)[]> {
  const rows = await store.read(() => all(selectPurses));
  return rows.map(({ owner }) => owner);
}

test('operations queued in one turn become visible together, in one commit', async () => {
  const { store, file } = await openPurses();
  const outside = openBeside(file);
  const count = outside.prepare('SELECT count(*) AS n FROM purse').pluck();
  const seen: unknown[] = [];

  const writes = Array.from({ length: 5 }, (_, index) =>
    store.write(function* () {
      yield* run(insertPurse, `owner ${index}`, 1n);
      // From outside, in the middle of the batch: nothing of it may be there yet.
      seen.push(count.get());
    }),
  );
  await Promise.race(writes);

  expect(seen).toEqual([0n, 0n, 0n, 0n, 0n]);
  expect(count.get()).toBe(5n);
});

test('operations of different turns have commits of their own', async () => {
  const { store, file } = await openPurses();
  const outside = openBeside(file);
  const count = outside.prepare('SELECT count(*) AS n FROM purse').pluck();

  await store.write(() => run(insertPurse, 'first', 1n));
  const seen: unknown[] = [];
  await store.write(function* () {
    seen.push(count.get());
    yield* run(insertPurse, 'second', 1n);
  });

  expect(seen).toEqual([1n]);
});

test('operations run and resolve in the order they were queued', async () => {
  const { store } = await openPurses();
  const resolved: number[] = [];
  const expected = Array.from({ length: 2500 }, (_, index) => index);

  await Promise.all(
    expected.map(async (index) => {
      await store.write(() => run(insertPurse, `${index}`, 1n));
      resolved.push(index);
    }),
  );

  expect(resolved).toEqual(expected);
  expect(await owners(store)).toEqual(expected.map(String));
});

test('an operation that throws is undone alone, and its caller gets that very error', async () => {
  const { store, fatal } = await openPurses();
  const error = new Error('refused by its own code');

  const [before, thrown, after] = await Promise.allSettled([
    store.write(() => run(insertPurse, 'before', 1n)),
    store.write(function* () {
      yield* run(insertPurse, 'undone', 1n);
      yield* run(spend, 1n, 'before');
      throw error;
    }),
    store.write(() => run(insertPurse, 'after', 1n)),
  ]);

  expect(thrown).toEqual({ status: 'rejected', reason: error });
  expect((thrown as PromiseRejectedResult).reason).toBe(error);
  expect([before.status, after.status]).toEqual(['fulfilled', 'fulfilled']);
  expect(await owners(store)).toEqual(['before', 'after']);
  expect(await store.read(() => get(selectMsat, 'before'))).toEqual({ msat: 1n });
  expect(fatal).toEqual([]);
});

test('a unique or check failure undoes its operation and leaves the others', async () => {
  const { store, fatal } = await openPurses();

  const results = await Promise.allSettled([
    store.write(() => run(insertPurse, 'alice', 1n)),
    store.write(function* () {
      yield* run(insertPurse, 'bob', 1n);
      yield* run(insertPurse, 'alice', 1n);
    }),
    store.write(function* () {
      yield* run(insertPurse, 'carol', 1n);
      yield* run(spend, 2n, 'alice');
    }),
    store.write(() => run(insertPurse, 'dave', 1n)),
  ]);

  expect(results.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'rejected',
    'fulfilled',
  ]);
  expect(await owners(store)).toEqual(['alice', 'dave']);
  expect(fatal).toEqual([]);
});

test('an operation may handle the failure of its own statement and go on', async () => {
  const { store } = await openPurses();
  await store.write(() => run(insertPurse, 'alice', 1n));

  const outcome = await store.write(function* () {
    yield* run(insertPurse, 'before', 1n);
    try {
      yield* run(insertPurse, 'alice', 1n);
    } catch {
      yield* run(insertPurse, 'instead', 1n);
      return 'handled';
    }
    return 'inserted';
  });

  expect(outcome).toBe('handled');
  expect(await owners(store)).toEqual(['alice', 'before', 'instead']);
});

test('an operation that yields something else than a call is undone alone', async () => {
  const { store } = await openPurses();

  const [odd, promise, after] = await Promise.allSettled([
    store.write(function* () {
      yield* run(insertPurse, 'odd', 1n);
      yield 'something' as unknown as Call;
    }),
    store.write(function* () {
      yield* run(insertPurse, 'promise', 1n);
      yield Promise.resolve() as unknown as Call;
    }),
    store.write(() => run(insertPurse, 'after', 1n)),
  ]);

  expect(odd).toMatchObject({ status: 'rejected', reason: expect.any(TypeError) });
  expect(promise).toMatchObject({ status: 'rejected', reason: expect.any(TypeError) });
  expect(after.status).toBe('fulfilled');
  expect(await owners(store)).toEqual(['after']);
});

test('a failing operation that wrote nothing leaves no trace of a savepoint for the next', async () => {
  const { store } = await openPurses();

  await Promise.allSettled([
    store.write(() => run(insertPurse, 'first', 1n)),
    store.write(function* () {
      yield* all(selectPurses);
      throw new Error('after reading only');
    }),
    store.write(function* () {
      yield* run(insertPurse, 'undone', 1n);
      throw new Error('after writing');
    }),
    store.write(() => run(insertPurse, 'last', 1n)),
  ]);

  expect(await owners(store)).toEqual(['first', 'last']);
});

test('wrong SQL rejects its operation only', async () => {
  const { store, fatal } = await openPurses();

  const [wrong, right] = await Promise.allSettled([
    store.write(() => run(query('INSERT INTO nowhere (x) VALUES (1)'))),
    store.write(() => run(insertPurse, 'alice', 1n)),
  ]);

  expect(wrong.status).toBe('rejected');
  expect(right.status).toBe('fulfilled');
  expect(fatal).toEqual([]);
});

test('operations that only read change nothing in the file', async () => {
  const { store, file } = await openPurses();
  await store.write(() => run(insertPurse, 'alice', 1n), 'disk');
  const outside = openBeside(file);
  const version = () => outside.pragma('data_version', { simple: true });
  const before = version();

  const row = await store.write(() => get(selectMsat, 'nobody'));

  expect(row).toBeUndefined();
  expect(version()).toBe(before);
  await store.write(() => run(spend, 1n, 'alice'));
  expect(version()).not.toBe(before);
});
