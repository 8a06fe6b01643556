import { expect, test } from 'vitest';

import { msat } from '../../src/lib/amount.ts';
import { RouterError } from '../../src/lib/errors.ts';
import { costFields } from '../../src/openai/cost-fields.ts';
import { errorBody, errorChunk } from '../../src/openai/error-body.ts';
import { lastChunk } from '../../src/openai/last-chunk.ts';
import { modelItem } from '../../src/openai/model-item.ts';
import { readUpstreamError } from '../../src/openai/upstream-error.ts';
import { usageFields } from '../../src/openai/usage-fields.ts';

const META = { id: 'c1', created: 7, model: 'm' };

test('the last chunk has no choices, but usage, cost and change, and [DONE] follows', () => {
  const usage = usageFields({ input: 3, cachedInput: 1, output: 2, reasoning: 0 });
  const cost = costFields({ charge: msat(1500n), usd: 0.001, balance: msat(500n) });
  const text = lastChunk({ meta: META, usage, cost, xCashu: 'cashuBx' }).toString();
  const [first = '', second, rest] = text.split('\n\n');

  expect(JSON.parse(first.slice('data: '.length))).toEqual({
    ...META,
    object: 'chat.completion.chunk',
    choices: [],
    usage: {
      prompt_tokens: 3,
      completion_tokens: 2,
      total_tokens: 5,
      prompt_tokens_details: { cached_tokens: 1 },
      completion_tokens_details: { reasoning_tokens: 0 },
      cost: { total_msats: 1500, total_usd: 0.001, remaining_balance_msats: 500 },
      cost_sats: 1.5,
    },
    x_cashu: 'cashuBx',
  });
  expect([second, rest]).toEqual(['data: [DONE]', '']);
});

test('an error body has all four keys twice, the request id, and fields that cannot replace them', () => {
  const error = new RouterError('payment_required', 'Pay.', { fields: { price: 3, error: 'no' } });
  const object = {
    message: 'Pay.',
    type: 'payment_required',
    param: null,
    code: 'payment_required',
  };

  expect(JSON.parse(errorBody(error, 'r1', { x_cashu: 'c' }).toString())).toEqual({
    error: object,
    detail: { error: object },
    request_id: 'r1',
    price: 3,
    x_cashu: 'c',
  });
  expect(errorChunk(error).toString()).toBe(`data: ${JSON.stringify({ error: object })}\n\n`);
});

test.each([
  [{ error: { message: 'm', type: 't', param: 'p', code: 'c' } }, 'm', 'c'],
  [{ error: { message: 'm', code: 402 } }, 'm', '402'],
  [{ error: 'plain' }, 'plain', undefined],
  [{ detail: 'fastapi' }, 'fastapi', undefined],
  [{ detail: { error: { message: 'core', code: 'x' } } }, 'core', 'x'],
  [{ detail: [{ msg: 'field required', loc: [] }] }, 'field required', undefined],
  [{ object: 'error', message: 'vllm', code: 400 }, 'vllm', '400'],
  ['text', 'text', undefined],
  [undefined, 'The upstream gave no reason.', undefined],
  [[], 'The upstream gave no reason.', undefined],
  [{ error: { message: {} } }, 'The upstream gave no reason.', undefined],
])('an upstream error is read in any shape: %j', (value, message, code) => {
  expect(readUpstreamError(value)).toMatchObject({ message, code });
});

test('an upstream error is short and says no secret', () => {
  const message = `the key hunter2hunter2 of cashuAeyJ0b2tlbiI6 Bearer abc ${'x'.repeat(5000)}`;
  const error = readUpstreamError({ error: { message } }, ['hunter2hunter2']);

  expect(error.message).toMatch(/^the key \*\*\* of \*\*\* \*\*\* x+$/);
  expect(error.message.length).toBeLessThanOrEqual(1000);
});

test('a model item has every field that some client cannot do without, prices as numbers', () => {
  const prices = {
    input: 1e-7,
    cachedInput: 5e-8,
    output: 2e-7,
    reasoning: 2e-7,
    image: 0,
    request: 0,
  };
  const item = modelItem({
    id: 'org/m',
    name: 'M',
    providers: ['gpu'],
    lowestSat: prices,
    description: '',
    created: 7,
    contextLength: 4096,
    maxOutput: undefined,
    takesImages: false,
    usd: prices,
    sat: prices,
    maxCostSat: {
      prompt: 1.5,
      completion: 2.5,
      total: 4,
    },
  });
  const six = ['prompt', 'completion', 'request', 'image', 'web_search', 'internal_reasoning'];
  const numbers = Object.fromEntries(six.map((key) => [key, expect.any(Number)]));

  expect(item).toMatchObject({
    id: 'org/m',
    object: 'model',
    name: 'M',
    description: '',
    created: 7,
    owned_by: 'gpu',
    context_length: 4096,
    architecture: {
      modality: 'text->text',
      input_modalities: ['text'],
      output_modalities: ['text'],
      tokenizer: expect.any(String),
      instruct_type: null,
    },
    pricing: numbers,
    sats_pricing: {
      ...numbers,
      max_prompt_cost: 1.5,
      max_completion_cost: 2.5,
      max_cost: 4,
    },
    top_provider: {
      context_length: 4096,
      max_completion_tokens: null,
      is_moderated: false,
    },
    per_request_limits: null,
    min_cost_per_request: 4e3,
  });
});
