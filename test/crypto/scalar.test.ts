import { expect, test } from 'vitest';

import { isScalar, numberOf, ORDER, randomScalar, scalarOf } from '../../src/crypto/scalar.ts';

test('scalars are taken modulo the order, from both sides', () => {
  expect(numberOf(scalarOf(0n))).toBe(0n);
  expect(numberOf(scalarOf(ORDER + 5n))).toBe(5n);
  expect(numberOf(scalarOf(-1n))).toBe(ORDER - 1n);
  expect(scalarOf(1n)).toHaveLength(32);
});

test('a scalar lies between one and the order', () => {
  expect(isScalar(scalarOf(1n))).toBe(true);
  expect(isScalar(scalarOf(ORDER - 1n))).toBe(true);
  expect(isScalar(scalarOf(0n))).toBe(false);
  expect(isScalar(Buffer.from(ORDER.toString(16), 'hex'))).toBe(false);
  expect(isScalar(new Uint8Array(31).fill(1))).toBe(false);
});

test('a number is not read from anything but 32 bytes', () => {
  expect(() => numberOf(new Uint8Array(33))).toThrow(TypeError);
});

test('random scalars differ and are valid', () => {
  const scalars = Array.from({ length: 20 }, randomScalar);
  expect(scalars.every(isScalar)).toBe(true);
  expect(new Set(scalars.map(numberOf)).size).toBe(20);
});
