import { describe, expect, test } from 'vitest';

import { parseChatRequest } from '../../src/openai/chat-request.ts';
import { NO_PREFERENCES, readRoutingPreferences } from '../../src/openai/routing-preferences.ts';
import { faultOf } from '../support/refusals.ts';

const HELLO = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };
const read = (fields: object) =>
  readRoutingPreferences(parseChatRequest(Buffer.from(JSON.stringify({ ...HELLO, ...fields }))));

test('a request that says nothing about it has no preferences, told at a glance', () => {
  expect(read({ temperature: 1 })).toBe(NO_PREFERENCES);
  expect(read({ models: null, provider: null, route: null })).toBe(NO_PREFERENCES);
});

test("OpenRouter's words are understood", () => {
  const wishes = read({
    models: ['m', 'n', 'o', 'n'],
    route: 'fallback',
    provider: {
      order: ['a', 'b', 'a'],
      only: ['a', 'b', 'c'],
      ignore: ['d'],
      sort: 'latency',
      max_price: { prompt: 0.5, completion: '1e-1', request: 0 },
      allow_fallbacks: false,
    },
  });

  expect(wishes).toEqual({
    models: ['n', 'o'],
    order: ['a', 'b'],
    only: ['a', 'b', 'c'],
    ignore: ['d'],
    sort: 'latency',
    maxPrice: {
      prompt: { digits: 5n, scale: 1 },
      completion: { digits: 1n, scale: 1 },
      request: { digits: 0n, scale: 0 },
      image: undefined,
    },
    allowFallbacks: false,
  });
});

test('what is null is not given', () => {
  const nothing = { order: null, only: null, sort: null, max_price: null, allow_fallbacks: null };

  expect(read({ provider: { ...nothing, zdr: null, whatever: null } })).toEqual(NO_PREFERENCES);
  expect(read({ provider: { max_price: { prompt: null } } }).maxPrice).toMatchObject({});
});

describe('promises that we cannot keep', () => {
  test.each([
    ['zdr', true],
    ['require_parameters', true],
    ['data_collection', 'deny'],
    ['quantizations', ['fp8']],
    ['preferred_max_latency', 2],
    ['only_', ['a']],
    ['Order', ['a']],
  ])('%s: %j is refused, never ignored', (field, value) => {
    expect(faultOf(() => read({ provider: { [field]: value } }))).toEqual([
      'unsupported_parameter',
      `provider.${field}`,
    ]);
  });

  test('are not asked for by the values that mean so', () => {
    const provider = { zdr: false, require_parameters: false, data_collection: 'allow' };

    expect(read({ provider })).toEqual(NO_PREFERENCES);
  });

  test('are refused with a message of bounded length', () => {
    try {
      read({ provider: { ['x'.repeat(100_000)]: 1 } });
      expect.unreachable();
    } catch (error) {
      expect(String(error).length).toBeLessThan(400);
    }
  });

  test('include prices that we do not have', () => {
    expect(faultOf(() => read({ provider: { max_price: { audio: 1 } } }))).toEqual([
      'unsupported_parameter',
      'provider.max_price.audio',
    ]);
  });
});

describe('another form is refused with the field at fault', () => {
  test.each([
    ['models', { models: 'n' }],
    ['models', { models: [] }],
    ['models', { models: [7] }],
    ['models', { models: [''] }],
    ['models', { models: ['x'.repeat(201)] }],
    ['models', { models: Array.from({ length: 9 }, (_, index) => `m${index}`) }],
    ['route', { route: 'cheapest' }],
    ['provider', { provider: ['a'] }],
    ['provider.order', { provider: { order: 'a' } }],
    ['provider.only', { provider: { only: [] } }],
    ['provider.ignore', { provider: { ignore: Array.from({ length: 33 }, (_, i) => `p${i}`) } }],
    ['provider.sort', { provider: { sort: { by: 'price' } } }],
    ['provider.sort', { provider: { sort: 'cheap' } }],
    ['provider.allow_fallbacks', { provider: { allow_fallbacks: 'no' } }],
    ['provider.max_price', { provider: { max_price: 1 } }],
    ['provider.max_price.prompt', { provider: { max_price: { prompt: -1 } } }],
    ['provider.max_price.image', { provider: { max_price: { image: 'cheap' } } }],
  ])('%s in %j', (param, fields) => {
    expect(faultOf(() => read(fields))).toEqual(['invalid_request', param]);
  });
});
