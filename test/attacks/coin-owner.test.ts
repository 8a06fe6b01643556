import Database from 'better-sqlite3';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { sqliteDdl } from '../../src/store/sqlite-ddl.ts';
import { walletSchema } from '../../src/wallet/schema.ts';

const OWNERS = ['payer-a', 'payer-b', 'treasury'] as const;
const STATES = ['free', 'given', 'spending', 'spent'] as const;

interface Step {
  readonly coin: number;
  readonly owner: string;
  readonly state: string;
  readonly givenTo: string | null;
}

/** Any writing to the table at all, as a fault anywhere in the program could do it. */
const step: fc.Arbitrary<Step> = fc.record({
  coin: fc.integer({ min: 0, max: 2 }),
  owner: fc.constantFrom(...OWNERS),
  state: fc.constantFrom(...STATES),
  givenTo: fc.constantFrom(...OWNERS, null),
});

function openCoins(withRules: boolean): Database.Database {
  const db = new Database(':memory:');
  for (const migrate of walletSchema.migrations)
    for (const sql of migrate(sqliteDdl))
      if (withRules || !/^\s*CREATE TRIGGER/i.test(sql)) db.exec(sql);
  const insert = db.prepare(
    `INSERT INTO coin (y, mint, keyset, amount, seed, counter, c, owner, state, made_by)
     VALUES (?, 1, 'k', 1, 'payers', ?, x'02', 'payer-a', 'free', 1)`,
  );
  for (const coin of [0, 1, 2]) insert.run(Buffer.from([coin]), coin);
  return db;
}

/** DESIGN.md money rule 5, told in its own words: who ever came to know a coin is its only holder, for ever. */
function holds(withRules: boolean, steps: readonly Step[]): boolean {
  const db = openCoins(withRules);
  const update = db.prepare('UPDATE coin SET owner = ?, state = ?, given_to = ? WHERE y = ?');
  const read = db.prepare<[Buffer], { owner: string; state: string; given_to: string | null }>(
    'SELECT owner, state, given_to FROM coin WHERE y = ?',
  );
  try {
    return steps.every(({ coin, owner, state, givenTo }) => {
      const y = Buffer.from([coin]);
      const before = read.get(y);
      try {
        update.run(owner, state, givenTo, y);
      } catch {
        return true;
      }
      const after = read.get(y);
      if (before === undefined || after === undefined) return false;
      const wasKnown = before.state === 'given' || before.given_to !== null;
      if (wasKnown && (after.state === 'free' || after.state === 'spending')) return false;
      if (wasKnown && after.given_to !== before.given_to) return false;
      if (before.state === 'spent' && after.state !== 'spent') return false;
      if (after.state === 'given' && after.given_to !== before.owner) return false;
      return after.owner === before.owner || after.owner === 'treasury';
    });
  } finally {
    db.close();
  }
}

const property = (withRules: boolean) =>
  fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => holds(withRules, steps));

test('T1: whatever is written, a coin that somebody knew never reaches another one, and comes back to nobody', () => {
  expect(fc.check(property(true), { numRuns: 300 }).failed).toBe(false);
});

test('T1: without the triggers of the coin table that very property fails', () => {
  expect(fc.check(property(false), { numRuns: 300 }).failed).toBe(true);
});
