import { expect, test } from 'vitest';

import { readModels } from '../../src/openai/model-list.ts';

const NOTHING = { name: undefined, contextLength: undefined, maxOutput: undefined };

test("OpenRouter's entries have names, limits and prices as text", () => {
  const item = {
    id: 'org/m',
    name: 'Org: M',
    context_length: 128_000,
    top_provider: { context_length: 100_000, max_completion_tokens: 16_384, is_moderated: true },
    pricing: {
      prompt: '0.00000015',
      completion: '0.0000006',
      request: '0',
      image: '0.000217',
      web_search: '0',
      internal_reasoning: '0',
      input_cache_read: '0.000000075',
    },
  };

  expect(readModels({ data: [item] })).toEqual([
    {
      id: 'org/m',
      name: 'Org: M',
      contextLength: 128e3,
      maxOutput: 16384,
      usdPerToken: {
        input: '0.00000015',
        output: '0.0000006',
        cachedInput: '0.000000075',
        reasoning: '0',
        image: '0.000217',
        request: '0',
      },
    },
  ]);
});

test.each([
  [{ id: 'm', object: 'model', max_model_len: 4096 }, { contextLength: 4096 }],
  [{ id: 'm', meta: { n_ctx_train: 2048 } }, { contextLength: 2048 }],
  [{ id: 'm', object: 'model', created: 1, owned_by: 'library' }, {}],
  [{ id: 'm', context_length: null, top_provider: { context_length: 8 } }, { contextLength: 8 }],
  [{ id: 'm', context_length: -1, name: 7, pricing: { prompt: '1' } }, {}],
])('vLLM, llama.cpp, Ollama and odd entries are read: %j', (item, found) => {
  expect(readModels({ object: 'list', data: [item] })).toEqual([
    { id: 'm', ...NOTHING, usdPerToken: undefined, ...found },
  ]);
});

test('prices may be numbers', () => {
  const [model] = readModels([{ id: 'm', pricing: { prompt: 1.5e-7, completion: 0 } }]);

  expect(model?.usdPerToken).toMatchObject({ input: '1.5e-7', output: '0' });
});

test.each([undefined, null, 'x', {}, { data: 'x' }, { data: [null, 7, {}, { id: '' }] }])(
  'without usable entries the list is empty: %j',
  (json) => {
    expect(readModels(json)).toEqual([]);
  },
);

test('names with control characters and endless names are left out', () => {
  const data = [{ id: 'a\nb' }, { id: 'x'.repeat(201) }, { id: 'fine' }];

  expect(readModels({ data }).map(({ id }) => id)).toEqual(['fine']);
});

test('of two entries under one id the first counts', () => {
  const entry = (prompt: number) => ({ id: 'm', sats_pricing: { prompt, completion: 1 } });
  const models = readModels({ data: [entry(1), { id: 'n' }, entry(9)] });
  expect(models.map(({ id, satPerToken }) => [id, satPerToken?.input])).toEqual([
    ['m', '1'],
    ['n', undefined],
  ]);
});
