import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { ceilDivide, ceilTimes, multiply, parseDecimal, shiftDown } from '../../src/lib/decimal.ts';

test.each([
  ['0.10', 10n, 2],
  ['7', 7n, 0],
  ['1e-7', 1n, 7],
  [2.5e-7, 25n, 8],
  [0.1, 1n, 1],
  ['1.5E+3', 1_500n, 0],
  [1e21, 10n ** 21n, 0],
  [0, 0n, 0],
])('%s is read exactly', (text, digits, scale) => {
  expect(parseDecimal(text)).toEqual({ digits, scale });
});

test.each([
  '-1',
  -1,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  '',
  ' 1',
  '1,5',
  '.5',
  '1.',
  '0x10',
  '1e99',
  '1e-41',
  `1.${'0'.repeat(40)}`,
  '9'.repeat(1_000_000),
  null,
  undefined,
  1n,
  [1],
])('%s is no decimal', (value) => {
  expect(parseDecimal(value)).toBeUndefined();
});

test('a number means its shortest text, whatever its size', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-12, max: 1e12, noNaN: true }), (value) => {
      const decimal = parseDecimal(value);
      expect(Number(`${decimal?.digits}e-${decimal?.scale}`)).toBe(value);
    }),
  );
});

test('a product is exact and rounded up only at the end', () => {
  const price = parseDecimal('0.1') ?? expect.fail('a decimal');
  const markup = parseDecimal('1.1') ?? expect.fail('a decimal');

  expect(ceilTimes(multiply(price, markup), 100n)).toBe(11n);
  expect(ceilTimes(multiply(price, markup), 101n)).toBe(12n);
  expect(ceilTimes(shiftDown(price, 6), 10_000_000n)).toBe(1n);
  expect([0n, 1n, 9n, 10n, 11n].map((n) => ceilDivide(n, 10n))).toEqual([0n, 1n, 1n, 1n, 2n]);
});
