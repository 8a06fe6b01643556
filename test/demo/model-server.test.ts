import { request as httpRequest } from 'node:http';

import OpenAI from 'openai';
import { get_encoding } from 'tiktoken';
import { afterEach, expect, test } from 'vitest';

import { startModelServer } from '../../src/demo/model-server.ts';
import type { ModelServer, ModelServerOptions } from '../../src/demo/model-server.ts';
import { parseOddity } from '../../src/demo/model/oddity.ts';
import { tellStory } from '../../src/demo/model/story.ts';

const encoding = get_encoding('o200k_base');
const HELLO = [{ role: 'user' as const, content: 'Say something about rivers.' }];

let server: ModelServer | undefined;

async function start(options: ModelServerOptions = {}): Promise<ModelServer> {
  server = await startModelServer({ clock: { now: () => 1_750_000_000_000 }, ...options });
  return server;
}

function sdk(of: ModelServer): OpenAI {
  return new OpenAI({ baseURL: of.url, apiKey: 'any', maxRetries: 0 });
}

function contentOf(completion: OpenAI.ChatCompletion): string {
  return completion.choices[0]?.message.content ?? '';
}

function post(of: ModelServer, body: object, headers: Record<string, string> = {}) {
  return fetch(`${of.url}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'demo-model', messages: HELLO, ...body }),
  });
}

afterEach(async () => {
  await server?.close();
  server = undefined;
});

test('the same prompt gets the same text, and the usage is what tiktoken counts', async () => {
  const client = sdk(await start());

  const [one, two, other] = await Promise.all([
    client.chat.completions.create({ model: 'demo-model', messages: HELLO }),
    client.chat.completions.create({ model: 'demo-model', messages: HELLO }),
    client.chat.completions.create({
      model: 'demo-model',
      messages: [{ role: 'user', content: 'Say something else.' }],
    }),
  ]);

  const [text, again, different] = [one, two, other].map(contentOf);
  expect(text?.length).toBeGreaterThan(100);
  expect(again).toBe(text);
  expect(different).not.toBe(text);
  const prompt = 3 + 3 + encoding.encode('user Say something about rivers.').length;
  const completion = encoding.encode(text ?? '').length;
  expect(one).toMatchObject({
    choices: [{ finish_reason: 'stop' }],
    usage: {
      prompt_tokens: prompt,
      completion_tokens: completion,
      total_tokens: prompt + completion,
    },
  });
});

test('every piece of a story is one token, alone and together', () => {
  const pieces = tellStory('any seed', 500);

  expect(pieces.length).toBeGreaterThanOrEqual(500);
  expect(pieces.every((piece) => encoding.encode(piece).length === 1)).toBe(true);
  expect(encoding.encode(pieces.join('')).length).toBe(pieces.length);
});

test('a stream carries the same text as the plain answer, role first and usage last', async () => {
  const client = sdk(await start());
  const plain = await client.chat.completions.create({ model: 'demo-model', messages: HELLO });

  const stream = await client.chat.completions.create({
    model: 'demo-model',
    messages: HELLO,
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);

  const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
  expect(text).toBe(plain.choices[0]?.message.content);
  expect(chunks[0]?.choices[0]?.delta).toMatchObject({ role: 'assistant', content: '' });
  expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop');
  expect(chunks.at(-1)?.choices).toEqual([]);
  expect(chunks.at(-1)?.usage).toEqual(plain.usage);
  expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
});

test('without include_usage no chunk speaks of usage', async () => {
  const response = await post(await start(), { stream: true });
  const text = await response.text();

  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  expect(text).not.toContain('usage');
  expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
});

test('max_tokens and max_completion_tokens cut the answer after so many tokens', async () => {
  const client = sdk(await start());
  for (const limit of [{ max_tokens: 7 }, { max_completion_tokens: 7 }]) {
    const answer = await client.chat.completions.create({
      model: 'demo-model',
      messages: HELLO,
      ...limit,
    });

    expect(answer.choices[0]?.finish_reason).toBe('length');
    expect(answer.usage?.completion_tokens).toBe(7);
    expect(encoding.encode(answer.choices[0]?.message.content ?? '').length).toBe(7);
  }
});

test('n choices differ, interleave in a stream and are counted together', async () => {
  const client = sdk(await start());
  const plain = await client.chat.completions.create({
    model: 'demo-model',
    messages: HELLO,
    n: 2,
  });
  const texts = plain.choices.map((choice) => choice.message.content ?? '');
  expect(texts[0]).not.toBe(texts[1]);
  expect(plain.usage?.completion_tokens).toBe(
    encoding.encode(texts[0] ?? '').length + encoding.encode(texts[1] ?? '').length,
  );

  const stream = await client.chat.completions.create({
    model: 'demo-model',
    messages: HELLO,
    n: 2,
    stream: true,
  });
  const streamed = ['', ''];
  const order: number[] = [];
  for await (const chunk of stream) {
    const choice = chunk.choices[0];
    if (choice === undefined) continue;
    order.push(choice.index);
    streamed[choice.index] += choice.delta.content ?? '';
  }
  expect(streamed).toEqual(texts);
  expect(order.slice(0, 4)).toEqual([0, 1, 0, 1]);
});

test('a question about the weather calls the first tool with arguments of its schema', async () => {
  const client = sdk(await start());
  const tools = [
    {
      type: 'function' as const,
      function: {
        name: 'get_weather',
        parameters: {
          type: 'object',
          properties: {
            city: { type: 'string' },
            unit: { enum: ['C', 'F'] },
            days: { type: 'integer' },
          },
        },
      },
    },
  ];
  const messages = [{ role: 'user' as const, content: 'What is the weather like?' }];

  const plain = await client.chat.completions.create({ model: 'demo-model', messages, tools });
  const final = await client.chat.completions
    .stream({ model: 'demo-model', messages, tools })
    .finalChatCompletion();
  const untouched = await client.chat.completions.create({
    model: 'demo-model',
    messages: HELLO,
    tools,
  });
  const required = await client.chat.completions.create({
    model: 'demo-model',
    messages: HELLO,
    tools,
    tool_choice: 'required',
  });

  const call = plain.choices[0]?.message.tool_calls?.[0];
  expect(plain.choices[0]?.finish_reason).toBe('tool_calls');
  expect(call?.type === 'function' && JSON.parse(call.function.arguments)).toEqual({
    city: 'Lisbon',
    unit: 'C',
    days: 21,
  });
  expect(final.choices[0]?.message.tool_calls?.[0]).toMatchObject({
    id: call?.id,
    type: 'function',
  });
  expect(untouched.choices[0]?.finish_reason).toBe('stop');
  expect(required.choices[0]?.finish_reason).toBe('tool_calls');
});

test('reasoning comes before the content and is counted inside the completion', async () => {
  const client = sdk(await start());
  const answer = await client.chat.completions.create({
    model: 'demo-model?reasoning=10',
    messages: HELLO,
  });

  const reasoning = answer.usage?.completion_tokens_details?.reasoning_tokens ?? 0;
  expect(reasoning).toBeGreaterThanOrEqual(10);
  expect(answer.choices[0]?.message).toHaveProperty('reasoning_content');
  expect(answer.usage?.completion_tokens).toBe(
    reasoning + encoding.encode(answer.choices[0]?.message.content ?? '').length,
  );
});

test('the models list is served, single models too, and a key is asked for when there is one', async () => {
  const it = await start({
    apiKey: 'secret',
    models: [{ id: 'org/one', extra: { context_length: 4096 } }],
  });
  const headers = { authorization: 'Bearer secret' };

  expect((await fetch(`${it.url}/models`)).status).toBe(401);
  expect(await (await fetch(`${it.url}/models`, { headers })).json()).toMatchObject({
    object: 'list',
    data: [{ id: 'org/one', object: 'model', owned_by: 'demo', context_length: 4096 }],
  });
  expect((await fetch(`${it.url}/models/org%2Fone`, { headers })).status).toBe(200);
  expect((await fetch(`${it.url}/models/two`, { headers })).status).toBe(404);
});

test('bad requests get OpenAI errors that name the field', async () => {
  const it = await start();
  const cases: [object, number, string | null][] = [
    [{ model: 3 }, 400, 'model'],
    [{ model: 'nobody' }, 404, 'model'],
    [{ messages: [] }, 400, 'messages'],
    [{ messages: ['x'] }, 400, 'messages'],
    [{ n: 0 }, 400, 'n'],
    [{ max_tokens: -1 }, 400, 'max_tokens'],
    [{ stream: 'yes' }, 400, 'stream'],
    [{ stream_options: {} }, 400, 'stream_options'],
    [{ tools: [{}] }, 400, 'tools'],
    [{ tool_choice: 5 }, 400, 'tool_choice'],
    [{ model: 'demo-model?nonsense=1' }, 400, null],
  ];
  for (const [body, status, param] of cases) {
    const response = await post(it, body);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { param } });
  }
});

test('errors on demand have the status, the retry hint and the shape', async () => {
  const it = await start();
  for (const status of [400, 401, 429, 500, 503]) {
    const response = await post(it, { model: `demo-model?status=${status}&retryAfterS=2` });
    expect(response.status).toBe(status);
    expect(response.headers.get('retry-after')).toBe('2');
    expect(await response.json()).toMatchObject({ error: { type: 'demo_error' } });
  }
});

test('a connection is reset before the headers, or after so many chunks', async () => {
  const it = await start();
  await expect(post(it, { model: 'demo-model?resetAfter=0' })).rejects.toThrow('fetch failed');

  const response = await post(it, { model: 'demo-model?resetAfter=3', stream: true });
  const got: string[] = [];
  const reading = (async () => {
    for await (const bytes of response.body ?? []) got.push(Buffer.from(bytes).toString());
  })();

  await expect(reading).rejects.toThrow('terminated');
  expect(got.join('').match(/data:/g)).toHaveLength(3);
  expect(it.requests.map(({ outcome }) => outcome)).toEqual(['broken', 'broken']);
  expect(it.aborted).toBe(0);
});

test('a held answer waits in its place until it is released', async () => {
  const it = await start();
  it.hold(2);
  const response = await post(it, { stream: true });
  const reader = response.body?.getReader();
  let text = '';
  while ((text.match(/data:/g) ?? []).length < 2) {
    text += Buffer.from((await reader?.read())?.value ?? []).toString();
  }
  expect(it.requests[0]).toMatchObject({ chunksSent: 2, outcome: 'running' });

  it.release();
  for (let read = await reader?.read(); read?.done === false; read = await reader?.read()) {
    text += Buffer.from(read.value).toString();
  }
  expect(text.endsWith('[DONE]\n\n')).toBe(true);
  await expect.poll(() => it.requests[0]?.outcome).toBe('done');
});

test('an answer that hangs before its headers is seen to be aborted when the client leaves', async () => {
  const it = await start();
  const leave = new AbortController();
  const waiting = fetch(`${it.url}/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'demo-model?hangAfter=0', messages: HELLO }),
    signal: leave.signal,
  });
  await expect.poll(() => it.requestCount).toBe(1);
  expect(it.aborted).toBe(0);

  leave.abort();

  await expect(waiting).rejects.toThrow('aborted');
  await expect.poll(() => it.aborted).toBe(1);
  expect(it.requests[0]).toMatchObject({ outcome: 'aborted', chunksSent: 0 });
});

test('an error event comes first, in the middle, or in a plain 200 body', async () => {
  const it = await start();
  const first = await (await post(it, { model: 'demo-model?errorAfter=0', stream: true })).text();
  const middle = await (await post(it, { model: 'demo-model?errorAfter=4', stream: true })).text();
  const plain = await post(it, { model: 'demo-model?errorAfter=0' });

  expect(first).toMatch(/^data: \{"error":\{.*\}\n\n$/);
  expect(middle.match(/data:/g)).toHaveLength(5);
  expect(middle).toMatch(/\{"error":\{"message":"[^"]*","type":"server_error".*\n\n$/);
  expect(plain.status).toBe(200);
  expect(await plain.json()).toMatchObject({ error: { code: 'demo_failure' } });
});

test('usage can be absent, impossible, given, or on the last content chunk', async () => {
  const it = await start();
  const usageOf = async (oddity: string) => {
    const response = await post(it, {
      model: `demo-model?${oddity}`,
      stream: true,
      stream_options: { include_usage: true },
    });
    const events = (await response.text()).split('\n\n').filter((event) => event.includes('{'));
    return events.map((event) => JSON.parse(event.slice(6)) as Record<string, unknown>);
  };

  expect((await usageOf('usage=none')).some((chunk) => 'usage' in chunk)).toBe(false);
  expect((await usageOf('usage=insane')).at(-1)?.['usage']).toMatchObject({ prompt_tokens: -1 });
  expect((await usageOf('rawUsage={"prompt_tokens":1}')).at(-1)?.['usage']).toEqual({
    prompt_tokens: 1,
  });
  const last = (await usageOf('usage=last-content')).at(-1);
  expect(last).toMatchObject({
    choices: [{ finish_reason: 'stop' }],
    usage: { prompt_tokens: 12 },
  });
});

test('framing oddities keep the text: CRLF, split bytes, gzip, Content-Length', async () => {
  const it = await start();
  const good = await (await post(it, { stream: true })).text();
  const same = async (oddity: string) => {
    const response = await post(it, { stream: true }, { 'x-demo-oddity': oddity });
    return { response, text: await response.text() };
  };

  expect((await same('crlf=true')).text).toBe(good.replaceAll('\n', '\r\n'));
  expect((await same('splitBytes=true')).text).toBe(good);
  const zipped = await same('gzip=true');
  expect(zipped.text).toBe(good);
  expect(zipped.response.headers.get('content-encoding')).toBe('gzip');
  const sized = await same('contentLength=true');
  expect(sized.text).toBe(good);
  expect(Number(sized.response.headers.get('content-length'))).toBe(Buffer.byteLength(good));
});

test('split bytes arrive in pieces that cut characters', async () => {
  const it = await start();
  const pieces = await new Promise<Buffer[]>((resolve, reject) => {
    const body = JSON.stringify({
      model: 'demo-model?splitBytes=true&answerTokens=400',
      messages: HELLO,
      stream: true,
    });
    const request = httpRequest(`${it.url}/chat/completions`, { method: 'POST' }, (response) => {
      const got: Buffer[] = [];
      response.on('data', (piece: Buffer) => got.push(piece));
      response.on('end', () => resolve(got));
    });
    request.on('error', reject);
    request.end(body);
  });

  expect(pieces.some((piece) => piece.toString().includes('\uFFFD'))).toBe(true);
  expect(Buffer.concat(pieces).toString()).not.toContain('\uFFFD');
});

test('a 200 can be HTML, JSON although a stream was asked for, without an end, or carry money', async () => {
  const it = await start();
  const html = await post(it, { model: 'demo-model?html=true', stream: true });
  const json = await post(it, { model: 'demo-model?json=true', stream: true });
  const endless = await post(it, { model: 'demo-model?noFinish=true', stream: true });
  const money = await post(it, { model: 'demo-model?xCashu=cashuBabc', stream: true });

  expect(html.headers.get('content-type')).toContain('text/html');
  expect(await json.json()).toMatchObject({ object: 'chat.completion' });
  const text = await endless.text();
  expect(text).not.toContain('[DONE]');
  expect(text).not.toContain('"finish_reason":"stop"');
  expect(money.headers.get('x-cashu')).toBe('cashuBabc');
  expect(await money.text()).toMatch(/"x_cashu":"cashuBabc"\}\n\ndata: \[DONE\]\n\n$/);
});

test('behaviour is set for all answers, for the next ones, and per request', async () => {
  const it = await start({ oddity: { answerTokens: 5 } });
  it.behaveNext({ status: 500 }, 2);
  expect((await post(it, {})).status).toBe(500);
  expect((await post(it, {})).status).toBe(500);
  expect((await post(it, {})).status).toBe(200);

  it.behave({ status: 503 });
  expect((await post(it, {})).status).toBe(503);
  expect((await post(it, {}, { 'x-demo-oddity': 'status=400' })).status).toBe(400);
  it.behave({});
  expect((await post(it, {})).status).toBe(200);
  expect(it.requestCount).toBe(6);
  expect(it.requests[0]?.body).toMatchObject({ model: 'demo-model' });
});

test('pauses are kept between chunks', async () => {
  const it = await start();
  const started = performance.now();
  await (
    await post(it, { model: 'demo-model?msPerChunk=5&firstByteMs=20', stream: true, max_tokens: 6 })
  ).text();

  expect(performance.now() - started).toBeGreaterThan(50);
});

test('an oddity that nobody knows is refused', () => {
  expect(() => parseOddity('status=abc')).toThrow(RangeError);
  expect(() => parseOddity('usage=some')).toThrow(RangeError);
  expect(() => parseOddity('colour=red')).toThrow(RangeError);
  expect(parseOddity('')).toEqual(expect.objectContaining({ status: undefined }));
});
