import { readFile } from 'node:fs/promises';

import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { call, chat, credential } from '../support/router-chat.ts';
import { MODEL, routerWorld } from '../support/router-world.ts';
import type { RouterWorld } from '../support/router-world.ts';

const NAMES = [
  'CreateChatCompletionRequest',
  'CreateChatCompletionResponse',
  'CreateChatCompletionStreamResponse',
  'ListModelsResponse',
  'Model',
  'ErrorResponse',
] as const;
type Name = (typeof NAMES)[number];

let world: RouterWorld;
let validators: Readonly<Record<Name, ValidateFunction>>;

beforeAll(async () => {
  const file = new URL('../vectors/openai-schemas.json', import.meta.url);
  const document = JSON.parse(await readFile(file, 'utf8')) as { $id: string };
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  ajv.addSchema(document);
  const compiled = NAMES.map((name) => [
    name,
    ajv.compile({ $ref: `${document.$id}#/components/schemas/${name}` }),
  ]);
  validators = Object.fromEntries(compiled) as Record<Name, ValidateFunction>;
  world = await routerWorld();
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** What the schema says against a value; empty when it holds. */
function faultsOf(name: Name, value: unknown): readonly string[] {
  const validate = validators[name];
  validate(value);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

const tool = {
  type: 'function',
  function: {
    name: 'get_weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
  },
};
const weather = [{ role: 'user', content: 'How is the weather?' }];
const image = {
  role: 'user',
  content: [
    { type: 'text', text: 'What is this?' },
    { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
  ],
};

const requests: readonly (readonly [string, object])[] = [
  ['plain', {}],
  ['with an output limit', { max_tokens: 20 }],
  ['with the other output limit', { max_completion_tokens: 20 }],
  ['two choices', { n: 2 }],
  ['tools', { messages: weather, tools: [tool], tool_choice: 'auto' }],
  ['an image', { messages: [image] }],
  ['sampling', { temperature: 0.5, top_p: 0.9, seed: 7, stop: ['x'], user: 'somebody' }],
  [
    'a system message',
    {
      messages: [
        { role: 'system', content: 'Be brief' },
        { role: 'user', content: 'Hi' },
      ],
    },
  ],
];

describe.each(requests)('%s', (_, fields) => {
  test('what goes upstream and what comes back in one piece are OpenAI’s', async () => {
    const answer = await chat(world.url, world.fund(2000), { fields });

    expect(answer.status).toBe(200);
    expect(faultsOf('CreateChatCompletionResponse', await answer.json())).toEqual([]);
    expect(faultsOf('CreateChatCompletionRequest', world.model.requests.at(-1)?.body)).toEqual([]);
  });

  test('what goes upstream and every chunk that comes back are OpenAI’s', async () => {
    const answer = await chat(world.url, world.fund(2000), { fields: { ...fields, stream: true } });

    const chunks = await answer.chunks();
    expect(chunks.length).toBeGreaterThan(3);
    for (const chunk of chunks) {
      expect(faultsOf('CreateChatCompletionStreamResponse', chunk)).toEqual([]);
    }
    expect(faultsOf('CreateChatCompletionRequest', world.model.requests.at(-1)?.body)).toEqual([]);
  });
});

test.each([{ usage: 'none' }, { usage: 'insane' }, { noFinish: true }, { crlf: true }] as const)(
  'the answer to an odd upstream is OpenAI’s all the same (%o)',
  async (oddity) => {
    world.model.behaveNext(oddity, 1);
    const streamed = await chat(world.url, world.fund(2000), { fields: { stream: true } });
    const chunks = (await streamed.chunks()).filter(({ error }) => error === undefined);

    expect(
      chunks.flatMap((chunk) => faultsOf('CreateChatCompletionStreamResponse', chunk)),
    ).toEqual([]);
  },
);

test('the models are a ListModelsResponse, each of them a Model', async () => {
  const list = (await (await call(`${world.url}/v1/models`)).json()) as unknown as {
    data: unknown[];
  };
  const one = await (await call(`${world.url}/v1/models/${MODEL}`)).json();

  expect(faultsOf('ListModelsResponse', list)).toEqual([]);
  expect(list.data).toHaveLength(1);
  expect(faultsOf('Model', one)).toEqual([]);
});

test('errors of every kind are an ErrorResponse', async () => {
  const spent = world.fund(100);
  await world.receive(spent);
  const post = (path: string, headers = {}) =>
    call(`${world.url}${path}`, { method: 'POST', headers, body: '{}' });
  const answers = [
    await chat(world.url, 'nothing'),
    await chat(world.url, world.fund(100), { rawBody: '{' }),
    await chat(world.url, world.fund(100), { fields: { model: 'no-such' } }),
    await chat(world.url, world.fund(2)),
    await chat(world.url, spent),
    await chat(world.url, 'cashuBgarbage'),
    await post('/v1/completions'),
    await post('/v1/models'),
    await post('/v1/wallet/refund'),
    await post('/v1/wallet/refund', credential(world.fund(10))),
    await call(`${world.url}/v1/models/no-such`),
  ];

  for (const answer of answers) {
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(faultsOf('ErrorResponse', await answer.json())).toEqual([]);
  }
});

test('an error in mid-stream is an ErrorResponse', async () => {
  world.model.behaveNext({ errorAfter: 4 });
  const answer = await chat(world.url, world.fund(2000), { fields: { stream: true } });

  const failure = (await answer.chunks()).at(-1);

  expect(failure?.error).toBeDefined();
  expect(faultsOf('ErrorResponse', failure)).toEqual([]);
});

describe('the schemas find what is broken', () => {
  const messages = [{ role: 'user', content: 'Hello' }];
  const request = { model: MODEL, messages };
  const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
  const message = { role: 'assistant', content: 'Hi', refusal: null };
  const choice = { index: 0, message, logprobs: null, finish_reason: 'stop' };
  const completion = {
    id: 'c',
    object: 'chat.completion',
    created: 1,
    model: MODEL,
    choices: [choice],
    usage,
  };
  const part = { index: 0, delta: { content: 'Hi' }, logprobs: null, finish_reason: null };
  const chunk = {
    id: 'c',
    object: 'chat.completion.chunk',
    created: 1,
    model: MODEL,
    choices: [part],
  };
  const model = { id: MODEL, object: 'model', created: 1, owned_by: 'x' };
  const error = { message: 'm', type: 't', param: null, code: null };

  test('the unbroken fixtures hold', () => {
    expect(faultsOf('CreateChatCompletionRequest', request)).toEqual([]);
    expect(faultsOf('CreateChatCompletionResponse', completion)).toEqual([]);
    expect(faultsOf('CreateChatCompletionStreamResponse', chunk)).toEqual([]);
    expect(faultsOf('ListModelsResponse', { object: 'list', data: [model] })).toEqual([]);
    expect(faultsOf('ErrorResponse', { error })).toEqual([]);
  });

  const without = (value: object, field: string): object =>
    Object.fromEntries(Object.entries(value).filter(([name]) => name !== field));
  const broken: readonly (readonly [string, Name, unknown])[] = [
    ['a request without messages', 'CreateChatCompletionRequest', { model: MODEL }],
    ['a request without a model', 'CreateChatCompletionRequest', { messages }],
    ['a request with no message', 'CreateChatCompletionRequest', { ...request, messages: [] }],
    [
      'a message of nobody',
      'CreateChatCompletionRequest',
      { ...request, messages: [{ content: 'x' }] },
    ],
    [
      'a message of a stranger',
      'CreateChatCompletionRequest',
      { ...request, messages: [{ role: 'judge', content: 'x' }] },
    ],
    ['stream as a text', 'CreateChatCompletionRequest', { ...request, stream: 'yes' }],
    ['n of 1,000', 'CreateChatCompletionRequest', { ...request, n: 1_000 }],
    ['a temperature of 5', 'CreateChatCompletionRequest', { ...request, temperature: 5 }],
    ['a completion without id', 'CreateChatCompletionResponse', without(completion, 'id')],
    [
      'a completion without choices',
      'CreateChatCompletionResponse',
      without(completion, 'choices'),
    ],
    [
      'a completion that is a chunk',
      'CreateChatCompletionResponse',
      { ...completion, object: 'chat.completion.chunk' },
    ],
    [
      'a finish reason of its own',
      'CreateChatCompletionResponse',
      { ...completion, choices: [{ ...choice, finish_reason: 'bored' }] },
    ],
    [
      'usage in texts',
      'CreateChatCompletionResponse',
      { ...completion, usage: { ...usage, total_tokens: '2' } },
    ],
    ['a chunk without created', 'CreateChatCompletionStreamResponse', without(chunk, 'created')],
    [
      'a chunk with a message',
      'CreateChatCompletionStreamResponse',
      { ...chunk, choices: [choice] },
    ],
    ['a bare cost', 'CreateChatCompletionStreamResponse', { cost: { total_msats: 1 } }],
    ['a list without data', 'ListModelsResponse', { object: 'list' }],
    [
      'a model without owner',
      'ListModelsResponse',
      { object: 'list', data: [without(model, 'owned_by')] },
    ],
    ['an error without code', 'ErrorResponse', { error: without(error, 'code') }],
    ['an error as a text', 'ErrorResponse', { error: 'it failed' }],
    ['a bare error', 'ErrorResponse', error],
  ];

  test.each(broken)('%s', (_, name, value) => {
    expect(faultsOf(name, value)).not.toEqual([]);
  });
});
