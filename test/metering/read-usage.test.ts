import { expect, test } from 'vitest';

import { readUsage } from '../../src/metering/read-usage.ts';

const USAGE = {
  prompt_tokens: 100,
  completion_tokens: 50,
  total_tokens: 150,
  prompt_tokens_details: { cached_tokens: 40, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 30 },
};

test('the usage of an OpenAI answer is read', () => {
  expect(readUsage(USAGE)).toEqual({ input: 100, cachedInput: 40, output: 50, reasoning: 30 });
});

test.each([
  ['absent', {}],
  ['null', { prompt_tokens_details: null, completion_tokens_details: null }],
  ['empty', { prompt_tokens_details: {}, completion_tokens_details: { reasoning_tokens: null } }],
])('details that are %s count as none', (_, details) => {
  expect(readUsage({ prompt_tokens: 7, completion_tokens: 3, ...details })).toEqual({
    input: 7,
    cachedInput: 0,
    output: 3,
    reasoning: 0,
  });
});

test('cached tokens by the name DeepSeek gives them are read', () => {
  const usage = { prompt_tokens: 9, completion_tokens: 0, prompt_cache_hit_tokens: 8 };

  expect(readUsage(usage)?.cachedInput).toBe(8);
  expect(readUsage({ ...usage, prompt_cache_hit_tokens: 10 })).toBeUndefined();
});

test.each([
  ['a negative count', { prompt_tokens: -1 }],
  ['a fraction', { completion_tokens: 1.5 }],
  ['a count as text', { prompt_tokens: '100' }],
  ['a count beyond what numbers count exactly', { completion_tokens: 2 ** 53 }],
  ['an infinite count', { completion_tokens: Number.POSITIVE_INFINITY }],
  ['no prompt', { prompt_tokens: undefined }],
  ['no completion', { completion_tokens: null }],
  ['more cached than prompt', { prompt_tokens_details: { cached_tokens: 101 } }],
  ['a negative cache', { prompt_tokens_details: { cached_tokens: -1 } }],
  ['cached tokens as text', { prompt_tokens_details: { cached_tokens: '1' } }],
  ['more reasoning than completion', { completion_tokens_details: { reasoning_tokens: 51 } }],
])('usage with %s is not believed', (_, fault) => {
  expect(readUsage({ ...USAGE, ...fault })).toBeUndefined();
});

test.each([undefined, null, 1, 'usage', [], {}])('%o is no usage', (value) => {
  expect(readUsage(value)).toBeUndefined();
});

test('counts that only stand in a prototype are not read', () => {
  expect(readUsage(Object.create(USAGE))).toBeUndefined();
});
