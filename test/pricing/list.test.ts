import { afterEach, expect, test, vi } from 'vitest';

import { listPrice } from '../../src/pricing/list.ts';
import { priceOf } from '../../src/pricing/price-list.ts';

const OPENAI = 'https://api.openai.com/v1';
const PERPLEXITY = 'https://api.perplexity.ai';
const LOCAL = 'http://127.0.0.1:11434/v1';
const NOW = Date.parse('2026-10-01T12:00:00Z');

const find = (model: string, baseUrl = LOCAL, atMs = NOW) => listPrice({ model, baseUrl, atMs });

afterEach(() => {
  vi.unstubAllGlobals();
});

test('a known model has its list price, by its address or by its name', () => {
  const price = { unit: 'usd', input: 2.5, output: 10, cachedInput: 1.25 };

  expect(find('gpt-4o', OPENAI)).toMatchObject(price);
  expect(find('gpt-4o')).toMatchObject(price);
  expect(find('openai/gpt-4o')).toMatchObject(price);
  expect(find('gpt-4o-2024-08-06', OPENAI)).toMatchObject(price);
});

test.each([
  ['a model nobody listed', 'llama3.2:1b', LOCAL],
  ['a model that only looks like a listed one', 'gpt-4o-nonsense', OPENAI],
  ['a model that this provider does not have', 'claude-sonnet-4-5', OPENAI],
  [
    'a model that is listed without prices',
    'meta-llama/llama-3.2-3b-instruct:free',
    'https://openrouter.ai/api/v1',
  ],
  ['a model priced by the hour of sound', 'whisper-1', OPENAI],
  ['an empty name', '', LOCAL],
])('%s has no list price', (_, model, baseUrl) => {
  expect(find(model, baseUrl)).toBeUndefined();
});

test('prices that rise with the length of the prompt count at their dearest', () => {
  expect(find('gemini-2.5-pro')).toMatchObject({ input: 2.5, output: 15, cachedInput: 0.25 });
});

test('a cache write that the provider charges more for is what input costs', () => {
  expect(find('gpt-5.6-luna', OPENAI)).toMatchObject({ input: 0.5, output: 1.8 });
});

test('prices of the day and of the night count at their dearest, at any hour', () => {
  const hours = ['02:00', '05:00', '12:00'].map((hour) => Date.parse(`2026-10-01T${hour}:00Z`));

  for (const atMs of hours) {
    expect(find('deepseek-v4-pro', LOCAL, atMs)).toMatchObject({ input: 1.32, output: 3.96 });
  }
});

test('a new price holds from its day on', () => {
  const before = Date.parse('2025-06-09T23:59:59Z');

  expect(find('o3', OPENAI, before)).toMatchObject({ input: 10, output: 40 });
  expect(find('o3', OPENAI)).toMatchObject({ input: 2, output: 8 });
});

test('reasoning and requests have prices where the list knows them', () => {
  expect(find('sonar-deep-research', PERPLEXITY)).toMatchObject({ output: 8, reasoning: 3 });
  expect(find('sonar', PERPLEXITY)?.request).toBe('12e-3');
});

test('a listed price can be calculated with', () => {
  const config = find('sonar', PERPLEXITY) ?? expect.fail('a price');
  const options = { model: 'sonar', provider: 'p', markup: 1, usdPmsat: 2n * 10n ** 18n };

  // 0.012 USD at 50,000 USD for a bitcoin are 24 sat.
  expect(priceOf(config, options)).toMatchObject({ requestPmsat: 24n * 10n ** 15n });
});

test('nothing is fetched', () => {
  const fetched = vi.fn<typeof fetch>(() => Promise.reject(new Error('no network')));
  vi.stubGlobal('fetch', fetched);

  find('gpt-4o');
  find('nonsense');

  expect(fetched).not.toHaveBeenCalled();
});
