import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import {
  greedy,
  pickCovering,
  pickExact,
  splitForChange,
  splitForPayments,
} from '../../src/wallet/split.ts';

const POWERS = Array.from({ length: 40 }, (_, i) => 2n ** BigInt(i));
const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((a, b) => a + b, 0n);
const coins = (amounts: readonly bigint[]) => amounts.map((amount) => ({ amount }));

test('greedy makes an amount with as many coins as it has one-bits', () => {
  expect(greedy(13n, POWERS)).toEqual([8n, 4n, 1n]);
  expect(greedy(0n, POWERS)).toEqual([]);
});

test('greedy refuses what the denominations cannot make, and sets of absurdly many coins', () => {
  expect(() => greedy(3n, [2n])).toThrow(RangeError);
  expect(() => greedy(1_000_000n, [1n])).toThrow(RangeError);
});

test('a token of 1000 with a hold of 20 is split into 11 coins', () => {
  const split = splitForChange(1000n, 20n, POWERS);

  expect(sum(split)).toBe(1000n);
  expect(split).toHaveLength(11);
});

test('every change between value - hold and value can be picked exactly', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 0, max: 300 }), (v, h) => {
      const value = BigInt(v);
      const split = splitForChange(value, BigInt(h), POWERS);
      expect(sum(split)).toBe(value);
      const least = Math.max(0, v - h);
      for (let change = least; change <= v; change += 1) {
        const picked = pickExact(coins(split), BigInt(change));
        expect(sum((picked ?? []).map((i) => split[i] ?? 0n))).toBe(BigInt(change));
      }
    }),
    { numRuns: 60 },
  );
});

test('a split for change works with denominations that are no powers of two', () => {
  const split = splitForChange(1000n, 37n, [1n, 5n, 10n, 50n, 100n]);

  expect(sum(split)).toBe(1000n);
  for (let change = 963n; change <= 1000n; change += 1n) {
    expect(pickExact(coins(split), change)).toBeDefined();
  }
});

test('where no complete set exists the split is the fewest coins', () => {
  expect(splitForChange(8n, 4n, [2n, 4n])).toEqual([4n, 4n]);
});

test('so many payments as a split was made for are paid from it one after the other, each exactly', () => {
  const size = fc.integer({ min: 1, max: 500 });
  fc.assert(
    fc.property(
      size,
      fc.integer({ min: 0, max: 5000 }),
      fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 6 }),
      (most, spare, wishes) => {
        const reach = 2n ** BigInt(most.toString(2).length) - 1n;
        const value = reach * BigInt(wishes.length) + BigInt(spare);
        const payments = { size: BigInt(most), times: wishes.length };
        let left = splitForPayments(value, payments, POWERS);
        expect(sum(left)).toBe(value);
        for (const wish of wishes) {
          const sat = BigInt((wish % most) + 1);
          const picked = pickExact(coins(left), sat) ?? [];
          expect(sum(picked.map((i) => left[i] ?? 0n))).toBe(sat);
          left = left.filter((_, i) => !picked.includes(i));
        }
      },
    ),
  );
});

test('what is too little for the payments is split as far as it goes, and into the fewest coins where no set exists', () => {
  expect(splitForPayments(20n, { size: 5n, times: 4 }, POWERS)).toEqual([
    1n,
    2n,
    4n,
    1n,
    2n,
    4n,
    4n,
    2n,
  ]);
  expect(splitForPayments(2n, { size: 5n, times: 4 }, POWERS)).toEqual([2n]);
  expect(splitForPayments(8n, { size: 4n, times: 4 }, [2n, 4n])).toEqual([4n, 4n]);
  expect(splitForPayments(0n, { size: 4n, times: 4 }, POWERS)).toEqual([]);
});

test('an exact sum is found among powers of two whenever one exists', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 9 }),
      fc.integer({ min: 0, max: 200 }),
      (exponents, wanted) => {
        const amounts = exponents.map((e) => 2n ** BigInt(e));
        const exists = subsetSums(amounts).has(BigInt(wanted));
        const picked = pickExact(coins(amounts), BigInt(wanted));
        expect(picked !== undefined).toBe(exists);
        if (picked === undefined) return;
        expect(new Set(picked).size).toBe(picked.length);
        expect(sum(picked.map((i) => amounts[i] ?? 0n))).toBe(BigInt(wanted));
      },
    ),
    { numRuns: 300 },
  );
});

test('an exact sum is found among a few coins of any amounts', () => {
  const amounts = [7n, 5n, 5n, 3n];

  for (const wanted of subsetSums(amounts)) expect(pickExact(coins(amounts), wanted)).toBeDefined();
  expect(pickExact(coins(amounts), 4n)).toBeUndefined();
});

test('the search among odd coins gives up instead of running for ever', () => {
  const amounts = Array.from({ length: 200 }, (_, i) => 1_000_003n + 2n * BigInt(i * i));

  expect(pickExact(coins(amounts), 100_000_000n)).toBeUndefined();
});

test('coins that cover an amount also cover their own fee, and none of them is spare', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 8 }), { maxLength: 12 }),
      fc.integer({ min: 1, max: 600 }),
      fc.constantFrom(0n, 100n, 999n),
      (exponents, wanted, ppk) => {
        const purse = exponents.map((e) => ({ amount: 2n ** BigInt(e), ppk }));
        const isWorthIt = (coin: { amount: bigint }): boolean => coin.amount * 1000n > ppk;
        const worth = (chosen: readonly { amount: bigint }[]): bigint =>
          sum(chosen.map(({ amount }) => amount)) - (BigInt(chosen.length) * ppk + 999n) / 1000n;
        const picked = pickCovering(purse, BigInt(wanted));
        expect(picked === undefined).toBe(worth(purse.filter(isWorthIt)) < BigInt(wanted));
        if (picked === undefined) return;
        const chosen = picked.map((i) => purse[i] ?? { amount: 0n, ppk });
        expect(worth(chosen)).toBeGreaterThanOrEqual(BigInt(wanted));
        for (const spare of chosen) {
          expect(worth(chosen.filter((coin) => coin !== spare))).toBeLessThan(BigInt(wanted));
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('a single coin that covers is preferred to a larger one', () => {
  const purse = [64n, 8n, 16n, 1n].map((amount) => ({ amount, ppk: 0n }));

  expect(pickCovering(purse, 7n)).toEqual([1]);
});

function subsetSums(amounts: readonly bigint[]): Set<bigint> {
  let sums = new Set([0n]);
  for (const amount of amounts) sums = new Set([...sums, ...[...sums].map((s) => s + amount)]);
  return sums;
}
