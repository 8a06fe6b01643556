import { expect, test } from 'vitest';

import { RouterError } from '../../src/lib/errors.ts';
import { parseChatRequest } from '../../src/openai/chat-request.ts';
import type { ChatRequest, ChatRequestOptions } from '../../src/openai/chat-request.ts';
import { refusePriceBearing } from '../../src/openai/price-bearing.ts';

const HELLO = { model: 'm', messages: [{ role: 'user', content: 'hello' }] };

function read(body: unknown, options?: ChatRequestOptions): ChatRequest {
  return parseChatRequest(Buffer.from(JSON.stringify(body)), options);
}

function faultOf(action: () => unknown): { code: string; param: string | undefined } {
  try {
    action();
  } catch (error) {
    if (error instanceof RouterError) return { code: error.code, param: error.param };
    throw error;
  }
  return { code: 'none', param: undefined };
}

test('a plain request is read with its defaults', () => {
  const request = read(HELLO);

  expect(request).toMatchObject({
    model: 'm',
    stream: false,
    n: 1,
    maxOutput: undefined,
    maxFields: [],
    includeUsage: false,
    messageCount: 1,
    imageCount: 0,
    priceBearing: [],
  });
  expect(request.textBytes).toBe(JSON.stringify(HELLO).length);
});

test('null means: not given', () => {
  const request = read({
    ...HELLO,
    stream: null,
    n: null,
    max_tokens: null,
    stream_options: null,
    tools: null,
    service_tier: null,
    plugins: null,
  });

  expect(request).toMatchObject({ stream: false, n: 1, maxFields: [], priceBearing: [] });
});

test('of two output limits the smaller one binds', () => {
  const request = read({ ...HELLO, max_tokens: 100, max_completion_tokens: 20 });

  expect(request.maxOutput).toBe(20);
  expect(request.maxFields).toEqual(['max_tokens', 'max_completion_tokens']);
});

test.each([
  ['', 'invalid_json'],
  ['{"model":"m"', 'invalid_json'],
  ['null', 'invalid_request'],
  ['[]', 'invalid_request'],
  ['"text"', 'invalid_request'],
  [`{"model":"m","messages":${'['.repeat(64)}${']'.repeat(64)}}`, 'invalid_request'],
  [`{"model":"m","messages":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'invalid_request'],
])('a body that is no request object is refused: %#', (body, code) => {
  expect(faultOf(() => parseChatRequest(Buffer.from(body))).code).toBe(code);
});

test('bytes that are no UTF-8 are refused, so that nobody reads them differently', () => {
  const body = Buffer.from(JSON.stringify(HELLO));
  body[body.indexOf('hello')] = 0xff;

  expect(faultOf(() => parseChatRequest(body)).code).toBe('invalid_json');
});

test.each([
  [{ model: undefined }, 'model'],
  [{ model: '' }, 'model'],
  [{ model: 7 }, 'model'],
  [{ messages: undefined }, 'messages'],
  [{ messages: [] }, 'messages'],
  [{ messages: {} }, 'messages'],
  [{ messages: ['hi'] }, 'messages[0]'],
  [{ messages: [{ content: 'hi' }] }, 'messages[0].role'],
  [{ messages: [{ role: 'user', content: 7 }] }, 'messages[0].content'],
  [{ messages: [{ role: 'user', content: ['hi'] }] }, 'messages[0].content[0]'],
  [{ messages: [{ role: 'user', content: [{ type: 'text' }] }] }, 'messages[0].content[0]'],
  [
    { messages: [{ role: 'user', content: [{ type: 'input_audio' }] }] },
    'messages[0].content[0].type',
  ],
  [
    { messages: [{ role: 'user', content: [{ image_url: 'http://a/b.png' }] }] },
    'messages[0].content[0].type',
  ],
  [{ stream: 'true' }, 'stream'],
  [{ stream_options: [] }, 'stream_options'],
  [{ stream_options: { include_usage: 1 } }, 'include_usage'],
  [{ n: 0 }, 'n'],
  [{ n: 1.5 }, 'n'],
  [{ n: 129 }, 'n'],
  [{ n: 1e6 }, 'n'],
  [{ max_tokens: 0 }, 'max_tokens'],
  [{ max_tokens: -1 }, 'max_tokens'],
  [{ max_tokens: '5' }, 'max_tokens'],
  [{ max_completion_tokens: 2 ** 53 }, 'max_completion_tokens'],
  [{ tools: {} }, 'tools'],
  [{ functions: ['f'] }, 'functions'],
])('a field of the wrong form is refused and named: %j', (wrong, param) => {
  expect(faultOf(() => read({ ...HELLO, ...wrong }))).toEqual({ code: 'invalid_request', param });
});

test('an output limit that JSON.parse turns into Infinity is refused', () => {
  const body = Buffer.from(JSON.stringify(HELLO).replace('{', '{"max_tokens":1e400,'));

  expect(faultOf(() => parseChatRequest(body)).param).toBe('max_tokens');
});

test.each([
  '"max_tokens":1,"max_tokens":9000',
  String.raw`"max_tokens":1,"max_toke\u006es":9000`,
  String.raw`"mod\u0065l":"dear"`,
  '"stream_options":{"include_usage":true,"include_usage":false}',
  '"x":[{"a":1,"b":[{"c":1,"c":2}]}]',
])('P4: a key that stands twice is refused, however it is spelled: %s', (twice) => {
  const body = Buffer.from(JSON.stringify(HELLO).replace('{', `{${twice},`));

  expect(faultOf(() => parseChatRequest(body)).code).toBe('duplicate_key');
});

test.each(['Max_Tokens', 'MODEL', 'max_to\u212Aens', '\u017Ftream', 'Service_Tier'])(
  'P4: %s is refused, because some upstreams take it for the field it looks like',
  (key) => {
    expect(faultOf(() => read({ ...HELLO, [key]: 9000 })).code).toBe('invalid_request');
  },
);

test('unknown fields pass, big integers and the names of prototypes too', () => {
  const body = Buffer.from(
    JSON.stringify(HELLO).replace('{', '{"seed":9007199254740993,"__proto__":{"n":128},"Foo":1,'),
  );
  const request = parseChatRequest(body);

  expect(request.body).toBe(body);
  expect(request.n).toBe(1);
});

const image = (url: string): unknown => ({ type: 'image_url', image_url: { url } });

test('T5: only images within the request pass, unless remote ones are allowed', () => {
  for (const url of [
    'http://10.0.0.1/a.png',
    'https://a/b',
    'file:///etc/passwd',
    'data:text/x,',
  ]) {
    const body = { ...HELLO, messages: [{ role: 'user', content: [image(url)] }] };
    expect(faultOf(() => read(body)).param).toBe('messages[0].content[0].image_url.url');
    expect(read(body, { allowRemoteImages: true }).imageCount).toBe(1);
  }
});

test('images are counted and are no text', () => {
  const url = `data:image/png;base64,${'A'.repeat(10_000)}`;
  const content = [{ type: 'text', text: 'what is this' }, image(url), image(url)];
  const request = read({ ...HELLO, messages: [{ role: 'user', content }] });

  expect(request.imageCount).toBe(2);
  expect(request.textBytes).toBeLessThan(300);
  expect(request.texts()).toEqual(['user', 'what is this']);
});

test('everything that can become prompt tokens is among the texts', () => {
  const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } };
  const texts = read({
    ...HELLO,
    messages: [
      { role: 'system', name: 'boss', content: 'be kind' },
      { role: 'assistant', content: null, tool_calls: [call], reasoning_content: 'hm' },
      { role: 'tool', tool_call_id: 'c1', content: [{ type: 'text', text: 'done' }] },
    ],
    tools: [{ type: 'function', function: { name: 'f', description: 'does it' } }],
    response_format: { type: 'json_schema', json_schema: { name: 's' } },
    documents: [{ text: 'a page' }],
    chat_template: '{{ messages }}',
    temperature: 0.5,
    user: 'nobody',
  }).texts();

  expect(texts).toEqual([
    'system',
    'boss',
    'be kind',
    'assistant',
    JSON.stringify([call]),
    'hm',
    'tool',
    'c1',
    'done',
    '[{"type":"function","function":{"name":"f","description":"does it"}}]',
    '{"type":"json_schema","json_schema":{"name":"s"}}',
    '[{"text":"a page"}]',
    '"{{ messages }}"',
  ]);
});

const CACHED = { type: 'text', text: 'x', cache_control: { type: 'ephemeral', ttl: '1h' } };

test.each([
  [{ service_tier: 'priority' }, 'service_tier'],
  [{ web_search_options: {} }, 'web_search_options'],
  [{ plugins: [{ id: 'web' }] }, 'plugins'],
  [{ models: ['dear'] }, 'models'],
  [{ route: 'fallback' }, 'route'],
  [{ provider: { order: ['dear'] } }, 'provider'],
  [{ prediction: { type: 'content', content: 'x' } }, 'prediction'],
  [{ modalities: ['text', 'audio'] }, 'modalities'],
  [{ audio: { voice: 'v' } }, 'audio'],
  [{ best_of: 4 }, 'best_of'],
  [{ tools: [{ type: 'web_search' }] }, 'tools'],
  [{ messages: [{ role: 'user', content: [CACHED] }] }, 'cache_control'],
  [{ tools: [{ type: 'function', cache_control: {} }] }, 'cache_control'],
])('P4: %j is refused where its price is not known, and passes where it is', (more, field) => {
  const request = read({ ...HELLO, ...more });

  expect(faultOf(() => refusePriceBearing(request, new Set()))).toEqual({
    code: 'unsupported_parameter',
    param: field,
  });
  expect(faultOf(() => refusePriceBearing(request, new Set([field]))).code).toBe('none');
});

test('harmless values of price-bearing fields pass', () => {
  const request = read({
    ...HELLO,
    service_tier: 'auto',
    modalities: ['text'],
    best_of: 1,
    enable_search: false,
    store: true,
    logprobs: true,
    tools: [
      {
        type: 'function',
        function: { name: 'f' },
      },
      { type: 'custom' },
    ],
  });

  expect(faultOf(() => refusePriceBearing(request, new Set())).code).toBe('none');
});

test('lone surrogates and words of a tokenizer in a message are text like any other', () => {
  const body = Buffer.from(
    String.raw`{"model":"m","messages":[{"role":"user","content":"\ud800 <|endoftext|>"}]}`,
  );

  expect(parseChatRequest(body).texts()).toEqual(['user', '\ud800 <|endoftext|>']);
});
