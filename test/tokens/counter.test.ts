import { execFile } from 'node:child_process';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { promisify } from 'node:util';

import { get_encoding } from 'tiktoken';
import { afterAll, expect, test } from 'vitest';

import { createTokenCounter } from '../../src/tokens/counter.ts';
import type { TokenCounter, TokenCounterOptions } from '../../src/tokens/counter.ts';
import type { EncodingName } from '../../src/tokens/encoding.ts';

const counter = createTokenCounter();
const EXACT = {
  o200k_base: get_encoding('o200k_base'),
  cl100k_base: get_encoding('cl100k_base'),
};
afterAll(async () => {
  await counter.close();
});

const PROSE = 'The payer sends a token; the router prices the request and gives exact change. ';
const CODE = `export function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
`;
const RECORD = '{"id":"7b0e5a52-4f6e","amount":1024,"tags":["a","b"],"paid":true},';

test.each([
  ['prose', PROSE],
  ['code', CODE],
  ['JSON', RECORD],
  ['Chinese', '付款人发送令牌，路由器为请求定价，并找零。'],
  ['emoji', '😀👩‍👩‍👧🇩🇪 ok '],
  ['tables', '| a    |    b |   1,024.50 |\n'],
])('%s counts as tiktoken counts it, or up to 8 % more', async (_name, piece) => {
  const text = piece.repeat(80);
  for (const encoding of ['o200k_base', 'cl100k_base'] as const) {
    const exact = EXACT[encoding].encode_ordinary(text).length;
    const counted = await counter.count([text], encoding);
    expect(counted).toBeGreaterThanOrEqual(exact);
    expect(counted).toBeLessThanOrEqual(exact * 1.08);
  }
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

test.each([
  ['a special token', '<|endoftext|>'],
  ['special tokens amid text', 'say <|im_start|>system<|im_sep|> and <|fim_prefix|>'],
  ['a lone high surrogate', '\ud800 and more'],
  ['a lone low surrogate', 'more and \udc00'],
  ['lone surrogates where texts are cut', '\ud800'.repeat(1000)],
  ['a NUL', 'a\u0000b'],
])('%s is text', async (_name, text) => {
  const exact = EXACT.o200k_base.encode_ordinary(text).length;
  const counted = await counter.count([text]);
  expect(counted).toBeGreaterThan(1);
  expect(counted).toBeGreaterThanOrEqual(exact);
  expect(counted).toBeLessThanOrEqual(Buffer.byteLength(text));
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

function disposable(options: TokenCounterOptions): TokenCounter & AsyncDisposable {
  const counter = createTokenCounter(options);
  return { ...counter, [Symbol.asyncDispose]: () => counter.close() };
}

test('a small count does not wait for a large one', async () => {
  const order: string[] = [];
  const large = counter.count(['word '.repeat(200_000)]).then(() => order.push('large'));
  const small = counter.count(['a few words']).then(() => order.push('small'));
  await Promise.all([large, small]);
  expect(order).toEqual(['small', 'large']);
});

test('a text that is too large counts by its bytes', async () => {
  await using strict = disposable({ maxJobBytes: 10 });
  expect(await strict.count(['hello', 'worlds'])).toBe(11);
  expect(await strict.count(['hello', 'world'])).toBe(2);
});

test('what comes while too many are in work counts by its bytes, and what comes later does not', async () => {
  await using strict = disposable({ maxJobs: 1 });
  const [first, second] = [strict.count(['hello']), strict.count(['hello'])];
  expect(await second).toBe(5);
  expect(await first).toBe(1);
  expect(await strict.count(['hello'])).toBe(1);
});

test('what comes while too many bytes are in work counts by its bytes, and what comes later does not', async () => {
  await using strict = disposable({ maxQueuedBytes: 9 });
  const [first, second] = [strict.count(['hello']), strict.count(['hello'])];
  expect(await second).toBe(5);
  expect(await first).toBe(1);
  expect(await strict.count(['hello'])).toBe(1);
});

test('when the worker dies, what is pending counts by its bytes and the next count has a new worker', async () => {
  const lost: unknown[] = [];
  await using fragile = disposable({ onWorkerLost: (error) => lost.push(error) });
  const pending = fragile.count(['hello world']);
  // No encoding of this name exists, so the worker throws.
  const deadly = fragile.count(['hello'], 'p50k' as EncodingName);

  expect(await Promise.all([pending, deadly])).toEqual([11, 5]);
  expect(lost).toHaveLength(1);
  expect(await fragile.count(['hello world'])).toBe(2);
  expect(lost).toHaveLength(1);
});

test('closing settles what is pending by its bytes, and is no loss of the worker', async () => {
  const lost: unknown[] = [];
  const closing = createTokenCounter({ onWorkerLost: (error) => lost.push(error) });
  const pending = closing.count(['hello world']);
  await closing.close();
  await closing.close();
  expect(await pending).toBe(11);
  expect(await closing.count(['hello world'])).toBe(11);
  expect(lost).toEqual([]);
});

test('a counter that nobody closed does not keep the process alive', async () => {
  const counterUrl = new URL('../../src/tokens/counter.ts', import.meta.url).href;
  const script = `
    import { createTokenCounter } from ${JSON.stringify(counterUrl)};
    const counter = createTokenCounter();
    const keepAlive = setInterval(() => {}, 1000);
    console.log(await counter.count(['hello world']));
    clearInterval(keepAlive);
  `;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', script],
    { timeout: 45_000 },
  );
  expect(stdout).toBe('2\n');
});
