import OpenAI, {
  APIError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
} from 'openai';
import type { ChatCompletionChunk } from 'openai/resources/chat/completions';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { changeOf, chat, info, refund, until } from '../support/router-chat.ts';
import { MODEL, routerWorld } from '../support/router-world.ts';
import type { RouterWorld } from '../support/router-world.ts';

let world: RouterWorld;

beforeAll(async () => {
  world = await routerWorld();
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

interface Client {
  readonly openai: OpenAI;
  /** How often the SDK sent something. */
  readonly sends: () => number;
}

/** The SDK as a user makes it, but for a count of what it sends. */
function clientOf(apiKey: string): Client {
  let sends = 0;
  const openai = new OpenAI({
    apiKey,
    baseURL: `${world.url}/v1`,
    fetch: (url, init) => {
      sends += 1;
      return fetch(url, init);
    },
  });
  return { openai, sends: () => sends };
}

const messages = [{ role: 'user' as const, content: 'Tell me a story' }];

/** What an SDK does not know of, as its users read it. */
interface Paid {
  readonly usage?: { readonly cost?: { readonly total_msats?: number } } | null;
  readonly x_cashu?: string;
}

test('a plain chat is answered, with its cost in usage and its change in a header', async () => {
  const token = world.fund(1000);
  const { openai, sends } = clientOf(token);

  const { data, response } = await openai.chat.completions
    .create({ model: MODEL, messages })
    .withResponse();

  expect(data.choices[0]?.message.content).toBeTypeOf('string');
  expect(data.choices[0]?.finish_reason).toBe('stop');
  const cost = (data as Paid).usage?.cost?.total_msats ?? 0;
  const change = response.headers.get('x-cashu') ?? '';
  const dust = (await info(world.url, token)).balance - world.faceOf(change);
  // The token of 1,000 sat has seven coins: its swap costs one sat.
  expect(cost + world.faceOf(change) + dust + 1_000).toBe(1_000_000);
  expect(sends()).toBe(1);
});

test('a streamed chat is answered, its last chunk carries usage, cost and change', async () => {
  const { openai, sends } = clientOf(world.fund(1000));

  const stream = await openai.chat.completions.create({ model: MODEL, messages, stream: true });
  const chunks: ChatCompletionChunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);

  const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
  const last = chunks.at(-1);
  expect(text.length).toBeGreaterThan(20);
  expect(chunks.filter((chunk) => chunk.choices[0]?.finish_reason === 'stop')).toHaveLength(1);
  expect(last?.choices).toEqual([]);
  expect(last?.usage?.completion_tokens).toBeGreaterThan(0);
  const paid = last as Paid | undefined;
  expect(paid?.usage?.cost?.total_msats).toBeGreaterThan(0);
  const change = paid?.x_cashu ?? '';
  expect(await world.receive(change)).toBe(world.faceOf(change) - world.feeOf(change));
  expect(sends()).toBe(1);
});

test.each([false, true])('tools are called (stream: %s)', async (stream) => {
  const { openai } = clientOf(world.fund(1000));
  const tool = {
    type: 'function' as const,
    function: {
      name: 'get_weather',
      parameters: { type: 'object', properties: { city: { type: 'string' } } },
    },
  };
  const asked = {
    model: MODEL,
    messages: [{ role: 'user' as const, content: 'How is the weather?' }],
    tools: [tool],
  };

  const answer = stream
    ? await openai.chat.completions.stream(asked).finalChatCompletion()
    : await openai.chat.completions.create(asked);

  const call = answer.choices[0]?.message.tool_calls?.[0];
  expect(answer.choices[0]?.finish_reason).toBe('tool_calls');
  expect(call?.type === 'function' && call.function.name).toBe('get_weather');
  expect(call?.type === 'function' && JSON.parse(call.function.arguments)).toEqual({
    city: 'Lisbon',
  });
});

test.each([false, true])(
  'two choices are both answered and both paid (stream: %s)',
  async (stream) => {
    const { openai } = clientOf(world.fund(1000));
    const one = await clientOf(world.fund(1000)).openai.chat.completions.create({
      model: MODEL,
      messages,
    });
    const asked = { model: MODEL, messages, n: 2 };

    const answer = stream
      ? await openai.chat.completions
          .stream({ ...asked, stream_options: { include_usage: true } })
          .finalChatCompletion()
      : await openai.chat.completions.create(asked);

    expect(answer.choices.map(({ index }) => index)).toEqual([0, 1]);
    expect(answer.choices.every(({ message }) => (message.content ?? '').length > 20)).toBe(true);
    expect(answer.usage?.completion_tokens).toBeGreaterThan(one.usage?.completion_tokens ?? 0);
  },
);

test('an abort in mid-stream ends the stream and the upstream, and leaves the rest to be fetched', async () => {
  const token = world.fund(1000);
  const { openai, sends } = clientOf(token);
  const abortedBefore = world.model.aborted;
  world.model.hold(5);

  const stream = await openai.chat.completions.create({ model: MODEL, messages, stream: true });
  const seen: ChatCompletionChunk[] = [];
  for await (const chunk of stream) {
    seen.push(chunk);
    if (seen.length === 5) stream.controller.abort();
  }

  await until('the upstream is left', () => world.model.aborted === abortedBefore + 1);
  world.model.release();
  await until('it is settled', async () => (await info(world.url, token)).reserved === 0);
  const { status, token: rest } = await refund(world.url, token);
  expect(status).toBe(200);
  expect(await world.receive(rest)).toBeGreaterThan(980_000);
  expect(sends()).toBe(1);
});

test('a wrong model is a NotFoundError, sent once, and takes nothing', async () => {
  const token = world.fund(100);
  const { openai, sends } = clientOf(token);

  const error = await failureOf(openai.chat.completions.create({ model: 'no-such', messages }));

  expect(error).toBeInstanceOf(NotFoundError);
  expect(error).toMatchObject({ code: 'model_not_found', param: 'model', status: 404 });
  expect(sends()).toBe(1);
  expect(await world.receive(token)).toBe(99_000);
});

test('a token worth nothing is a BadRequestError, sent once', async () => {
  // One sat, and the swap costs one.
  const token = world.fund(1);
  const { openai, sends } = clientOf(token);

  const error = await failureOf(openai.chat.completions.create({ model: MODEL, messages }));

  expect(error).toBeInstanceOf(BadRequestError);
  expect(error).toMatchObject({ code: 'cashu_token_zero_value' });
  expect(sends()).toBe(1);
});

test('too small a token is an APIError with status 402 and what is needed, sent once, and stays whole', async () => {
  const token = world.fund(2);
  const { openai, sends } = clientOf(token);
  const swaps = world.mint.callCount('/v1/swap');

  const error = await failureOf(openai.chat.completions.create({ model: MODEL, messages }));

  expect(error).toMatchObject({ status: 402, code: 'insufficient_balance' });
  expect(sends()).toBe(1);
  expect(world.mint.callCount('/v1/swap')).toBe(swaps);
  expect(await world.receive(token)).toBe(1_000);
});

test('a spent token is a BadRequestError, sent once; a repeat costs no mint call', async () => {
  const token = world.fund(100);
  await world.receive(token);
  const { openai, sends } = clientOf(token);

  const error = await failureOf(openai.chat.completions.create({ model: MODEL, messages }));
  const calls = world.mint.callCount();
  const again = await failureOf(openai.chat.completions.create({ model: MODEL, messages }));

  expect(error).toBeInstanceOf(BadRequestError);
  expect(error).toMatchObject({
    code: 'cashu_token_already_spent',
    type: 'token_already_spent',
    param: null,
  });
  expect(again).toMatchObject({ code: 'cashu_token_already_spent' });
  expect(sends()).toBe(2);
  expect(world.mint.callCount()).toBe(calls);
});

test('a key that is no token is told how to pay, sent once', async () => {
  const { openai, sends } = clientOf('sk-unused');

  const error = await failureOf(openai.chat.completions.create({ model: MODEL, messages }));

  expect(error).not.toBeInstanceOf(AuthenticationError);
  expect(error).toMatchObject({ status: 402, code: 'payment_required' });
  expect(error.headers?.get('x-cashu')).toMatch(/^creqA/);
  expect(sends()).toBe(1);
});

test('an upstream that fails is an InternalServerError; the SDK sends the same key again, and is served', async () => {
  const token = world.fund(1000);
  const { openai, sends } = clientOf(token);
  const swaps = world.mint.callCount('/v1/swap');
  world.model.behaveNext({ status: 500 });

  const { data, response } = await openai.chat.completions
    .create({ model: MODEL, messages })
    .withResponse();

  expect(data.choices[0]?.message.content).toBeTypeOf('string');
  expect(sends()).toBe(2);
  expect(world.mint.callCount('/v1/swap')).toBe(swaps + 1);
  const cost = (data as Paid).usage?.cost?.total_msats ?? 0;
  const change = world.faceOf(response.headers.get('x-cashu') ?? '');
  const dust = (await info(world.url, token)).balance - change;
  expect(cost + change + dust + 1_000).toBe(1_000_000);
});

test('an upstream that fails every time is paid nothing, and all of the token can be fetched', async () => {
  const token = world.fund(1000);
  const { openai, sends } = clientOf(token);
  world.model.behave({ status: 500 });

  const error = await failureOf(openai.chat.completions.create({ model: MODEL, messages }));
  world.model.behave({});

  expect(error).toBeInstanceOf(InternalServerError);
  expect(sends()).toBe(3);
  const { token: rest } = await refund(world.url, token);
  expect(world.faceOf(rest)).toBe(999_000);
});

test('an upstream refusal of the request itself is a BadRequestError and is not repeated', async () => {
  await using own = await routerWorld();
  const token = own.fund(1000);
  own.model.behaveNext({ status: 400 });
  const openai = new OpenAI({ apiKey: token, baseURL: `${own.url}/v1` });

  const error = await failureOf(openai.chat.completions.create({ model: MODEL, messages }));

  expect(error).toBeInstanceOf(BadRequestError);
  expect(error).toMatchObject({ code: 'upstream_rejected' });
  expect(own.model.requestCount).toBe(1);
  // Its change left with the error or can be fetched: either way all of it is there.
  const { token: rest } = await refund(own.url, token);
  expect(own.faceOf(rest)).toBe(999_000);
});

test('an error in mid-stream is thrown by the SDK as an APIError with our code', async () => {
  await using own = await routerWorld();
  own.model.behaveNext({ errorAfter: 4 });
  const openai = new OpenAI({ apiKey: own.fund(1000), baseURL: `${own.url}/v1` });

  const stream = await openai.chat.completions.create({ model: MODEL, messages, stream: true });
  const chunks: (ChatCompletionChunk & Paid)[] = [];
  const reading = (async () => {
    for await (const chunk of stream) chunks.push(chunk);
  })();

  const error = await failureOf(reading);
  expect(error).toBeInstanceOf(APIError);
  expect(error).not.toBeInstanceOf(RateLimitError);
  expect(error).toMatchObject({ code: 'upstream_broke_stream' });
  expect(chunks.at(-1)?.x_cashu).toBeTypeOf('string');
});

test('the models are listed and found', async () => {
  const { openai } = clientOf('unused');

  const listed = await openai.models.list();
  const one = await openai.models.retrieve(MODEL);

  expect(listed.data.map(({ id }) => id)).toEqual([MODEL]);
  expect(one.id).toBe(MODEL);
});

test('the change of an SDK answer pays for a plain HTTP request', async () => {
  const { openai } = clientOf(world.fund(1000));
  const { response } = await openai.chat.completions
    .create({ model: MODEL, messages })
    .withResponse();

  const next = await chat(world.url, response.headers.get('x-cashu') ?? '', { scheme: 'x-cashu' });

  expect(next.status).toBe(200);
  expect(world.faceOf(changeOf(next, await next.json()))).toBeGreaterThan(980_000);
});

async function failureOf(promise: PromiseLike<unknown>): Promise<APIError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof APIError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}
