import { expect, test } from 'vitest';

import { accountIdOf } from '../../src/wallet/account-id.ts';

const point = (fill: number): Uint8Array => new Uint8Array(33).fill(fill);
const a = { keyset: '01'.repeat(33), amount: 8n, y: point(1), C: point(2) };
const b = { keyset: '00'.repeat(8), amount: 2n, y: point(3), C: point(4) };

test('an account id does not depend on the order of the coins', () => {
  expect(accountIdOf([a, b])).toBe(accountIdOf([b, a]));
  expect(accountIdOf([a, b])).toMatch(/^[0-9a-f]{64}$/);
});

test('an account id depends on every part of every coin', () => {
  const others = [
    [a],
    [a, b, b],
    [a, { ...b, amount: 4n }],
    [a, { ...b, C: point(5) }],
    [a, { ...b, y: point(5) }],
    [a, { ...b, keyset: '00'.repeat(7) + '01' }],
  ];

  const ids = others.map((coins) => accountIdOf(coins));

  expect(new Set([accountIdOf([a, b]), ...ids]).size).toBe(others.length + 1);
});

test('an account id never changes between releases', () => {
  expect(accountIdOf([a, b])).toMatchInlineSnapshot(
    `"26a036de387991f0285d752dad71d4144a89b292bee80f943c1ba0ec7d32dc80"`,
  );
});
