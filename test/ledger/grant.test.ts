import fc from 'fast-check';
import { expect, test } from 'vitest';

import { grant } from '../../src/ledger/grant.ts';
import { msat } from '../../src/lib/amount.ts';

const ask = (wanted: bigint, modest: bigint, floor: bigint) => ({
  wanted: msat(wanted),
  modest: msat(modest),
  floor: msat(floor),
});
const alone = (free: bigint) => ({ free: msat(free), running: 0n, waiting: 0n });

test('a request gets what it wants where that is at most half of what is free', () => {
  expect(grant(ask(500n, 100n, 10n), alone(1000n))).toBe(500n);
});

test('a lone request that wants more gets half of what is free', () => {
  expect(grant(ask(5000n, 100n, 10n), alone(1000n))).toBe(500n);
});

test('1,024 output tokens are granted even where they are more than half', () => {
  expect(grant(ask(5000n, 800n, 10n), alone(1000n))).toBe(800n);
});

test('never more is granted than is free', () => {
  expect(grant(ask(5000n, 4000n, 10n), alone(1000n))).toBe(1000n);
});

test('below its floor a request gets nothing', () => {
  expect(grant(ask(5000n, 4000n, 1001n), alone(1000n))).toBeUndefined();
});

test('with siblings waiting each gets its share', () => {
  const means = { free: msat(900n), running: 1n, waiting: 2n };
  expect(grant(ask(5000n, 100n, 10n), means)).toBe(300n);
});

test('what is granted is never negative, never above what is free or wanted, never below the floor', () => {
  const amount = fc.bigInt(0n, 10n ** 15n);
  fc.assert(
    fc.property(fc.tuple(amount, amount, amount), amount, fc.bigInt(0n, 300n), (sizes, free, n) => {
      const [floor = 0n, modest = 0n, wanted = 0n] = sizes.toSorted((a, b) => (a < b ? -1 : 1));
      const held = grant(ask(wanted, modest, floor), { free: msat(free), running: n, waiting: n });
      if (held === undefined) {
        expect(free < floor).toBe(true);
        return;
      }
      expect(held >= floor && held <= wanted && held <= free).toBe(true);
    }),
  );
});
