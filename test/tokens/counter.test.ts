import { setImmediate as turnOfTheLoop } from 'node:timers/promises';

import { get_encoding } from 'tiktoken';
import { afterAll, expect, test } from 'vitest';

import { createTokenCounter } from '../../src/tokens/counter.ts';
import { encodingFor } from '../../src/tokens/encoding.ts';
import { piecesOf } from '../../src/tokens/pieces.ts';

const counter = createTokenCounter();
afterAll(async () => {
  await counter.close();
});

test('normal text counts as tiktoken counts it, or a few percent more', async () => {
  const text = 'The payer sends a token, the router prices the request. '.repeat(200);
  const exact = get_encoding('o200k_base').encode(text).length;

  const counted = await counter.count([text]);

  expect(counted).toBeGreaterThanOrEqual(exact);
  expect(counted).toBeLessThanOrEqual(exact * 1.08);
});

test('several texts count as their sum, nothing counts as nothing', async () => {
  const [a, b, both] = await Promise.all([
    counter.count(['hello']),
    counter.count(['world, and more']),
    counter.count(['hello', 'world, and more']),
  ]);
  expect(both).toBe(a + b);
  expect(await counter.count(['', ''])).toBe(0);
});

test('special tokens and lone surrogates are text', async () => {
  expect(await counter.count(['<|endoftext|>'])).toBeGreaterThan(1);
  expect(await counter.count(['\ud800 and \udc00'])).toBeGreaterThan(1);
});

test.each([
  ['one letter', 'a'.repeat(1_000_000)],
  ['CJK', '字'.repeat(340_000)],
  ['combining marks', `e${'\u0301'.repeat(500_000)}`],
  ['spaces', ' '.repeat(1_000_000)],
])('a megabyte of %s is counted while the event loop keeps turning', async (_name, text) => {
  const progress = { turns: 0, isCounting: true };
  const counting = counter.count([text]).finally(() => {
    progress.isCounting = false;
  });
  for (; progress.isCounting; progress.turns += 1) await turnOfTheLoop();

  expect(await counting).toBeGreaterThan(1000);
  expect(progress.turns).toBeGreaterThan(10);
});

test('a small count does not wait for a large one', async () => {
  const order: string[] = [];
  const large = counter.count(['word '.repeat(200_000)]).then(() => order.push('large'));
  const small = counter.count(['a few words']).then(() => order.push('small'));
  await Promise.all([large, small]);
  expect(order).toEqual(['small', 'large']);
});

test('what is too large or too much at once counts by its bytes', async () => {
  const strict = createTokenCounter({ maxJobBytes: 10, maxJobs: 1 });
  const [first, second] = [strict.count(['hello']), strict.count(['hello'])];
  expect(await strict.count(['x'.repeat(11)])).toBe(11);
  expect(await second).toBe(5);
  expect(await first).toBe(1);
  await strict.close();
});

test('closing settles what is pending by its bytes', async () => {
  const closing = createTokenCounter();
  const pending = closing.count(['hello world']);
  await closing.close();
  expect(await pending).toBe(11);
  expect(await closing.count(['hello world'])).toBe(11);
});

test('pieces never cut a surrogate pair', () => {
  const text = `x${'😀'.repeat(600)}`;
  const pieces = [...piecesOf(text)];
  expect(pieces.join('')).toBe(text);
  expect(pieces.every((piece) => piece.isWellFormed())).toBe(true);
});

test('older models count with the older encoding', () => {
  expect(encodingFor('gpt-4-turbo')).toBe('cl100k_base');
  expect(encodingFor('gpt-4o-mini')).toBe('o200k_base');
  expect(encodingFor('llama3.2:1b')).toBe('o200k_base');
});
