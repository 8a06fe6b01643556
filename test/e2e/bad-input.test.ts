import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { call, chat, chatBody, credential, info, until } from '../support/router-chat.ts';
import type { Answer, ChatOptions, ErrorJson } from '../support/router-chat.ts';
import { MODEL, routerWorld } from '../support/router-world.ts';
import type { RouterWorld } from '../support/router-world.ts';
import { spellA, spellB } from '../wallet/spelling.ts';
import type { Spelled, SpelledCoin } from '../wallet/spelling.ts';

let world: RouterWorld;

beforeAll(async () => {
  world = await routerWorld({ mint: { units: ['sat', 'usd'] } });
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** An error in our shape: OpenAI's, Routstr's, and a name for the request. */
async function expectError(answer: Answer, status: number, code: string): Promise<ErrorJson> {
  const body = await answer.json();
  expect([answer.status, body.error?.code]).toEqual([status, code]);
  expect(body.error).toEqual({
    message: expect.any(String) as string,
    type: expect.any(String) as string,
    param: body.error?.param ?? null,
    code,
  });
  expect(body.detail?.error).toEqual(body.error);
  expect(body.request_id).toBe(answer.headers['x-request-id']);
  expect(answer.headers['content-type']).toContain('application/json');
  expect(answer.headers['x-should-retry']).toBe('false');
  if (body.error === undefined) throw new Error('there is no error');
  return body.error;
}

/** What the mint and the upstream ever did: nothing may be added by a refusal. */
function footprint(): readonly number[] {
  return [world.mint.callCount('/v1/swap'), world.model.requestCount];
}

function spelled(token: string): Spelled {
  const coins = world.coinsOf(token).map(({ id, amount, secret, C, dleq }): SpelledCoin => ({
    keyset: id,
    amount: BigInt(amount.toString()),
    secret,
    C: Buffer.from(C, 'hex'),
    ...(dleq?.r === undefined
      ? {}
      : {
          dleq: {
            e: Buffer.from(dleq.e, 'hex'),
            s: Buffer.from(dleq.s, 'hex'),
            r: Buffer.from(dleq.r, 'hex'),
          },
        }),
  }));
  return { mint: world.mint.url, coins };
}

describe('faulty requests: refused with a stable code, nothing taken, the token good elsewhere', () => {
  const messages = [{ role: 'user', content: 'Hello' }];
  const text = JSON.stringify(messages);
  const good = `"model":"${MODEL}","messages":${text}`;

  const rows: readonly (readonly [string, number, string, ChatOptions])[] = [
    ['no body', 400, 'invalid_json', { rawBody: '' }],
    ['a body that is no JSON', 400, 'invalid_json', { rawBody: 'model=demo' }],
    ['a body that is cut off', 400, 'invalid_json', { rawBody: `{${good}` }],
    ['a body that is no UTF-8', 400, 'invalid_json', { rawBody: Buffer.from([0x7b, 0xff, 0x7d]) }],
    ['a list', 400, 'invalid_request', { rawBody: `[{${good}}]` }],
    ['null', 400, 'invalid_request', { rawBody: 'null' }],
    ['a text', 400, 'invalid_request', { rawBody: '"hello"' }],
    ['no model', 400, 'invalid_request', { rawBody: `{"messages":${text}}` }],
    ['a model that is a number', 400, 'invalid_request', { fields: { model: 5 } }],
    ['an empty model', 400, 'invalid_request', { fields: { model: '' } }],
    ['no messages', 400, 'invalid_request', { rawBody: `{"model":"${MODEL}"}` }],
    ['messages that are a text', 400, 'invalid_request', { fields: { messages: 'Hello' } }],
    ['messages that are numbers', 400, 'invalid_request', { fields: { messages: [1] } }],
    ['stream that is a text', 400, 'invalid_request', { fields: { stream: 'yes' } }],
    ['tools that are an object', 400, 'invalid_request', { fields: { tools: {} } }],
    ['a negative max_tokens', 400, 'invalid_request', { fields: { max_tokens: -1 } }],
    ['a max_tokens of 0', 400, 'invalid_request', { fields: { max_tokens: 0 } }],
    ['a max_tokens of 1.5', 400, 'invalid_request', { fields: { max_tokens: 1.5 } }],
    ['a max_tokens of 1e400', 400, 'invalid_request', { rawBody: `{${good},"max_tokens":1e400}` }],
    ['a max_tokens that is a text', 400, 'invalid_request', { fields: { max_tokens: '20' } }],
    [
      'a negative max_completion_tokens',
      400,
      'invalid_request',
      { fields: { max_completion_tokens: -5 } },
    ],
    ['n of a million', 400, 'invalid_request', { fields: { n: 1e6 } }],
    ['n of 0', 400, 'invalid_request', { fields: { n: 0 } }],
    ['a key twice', 400, 'duplicate_key', { rawBody: `{${good},"max_tokens":1,"max_tokens":9}` }],
    [
      'a key twice, once escaped',
      400,
      'duplicate_key',
      { rawBody: `{${good},"mod\\u0065l":"other"}` },
    ],
    ['messages twice', 400, 'duplicate_key', { rawBody: `{${good},"messages":${text}}` }],
    [
      'a key of a message twice',
      400,
      'duplicate_key',
      { rawBody: `{"model":"${MODEL}","messages":[{"role":"user","content":"a","content":"b"}]}` },
    ],
    ['a key in other case', 400, 'invalid_request', { rawBody: `{${good},"Max_Tokens":1}` }],
    ['a service tier', 400, 'unsupported_parameter', { fields: { service_tier: 'priority' } }],
    ['a web search', 400, 'unsupported_parameter', { fields: { web_search_options: {} } }],
    ['plugins', 400, 'unsupported_parameter', { fields: { plugins: [{ id: 'web' }] } }],
    ['a promise', 400, 'unsupported_parameter', { fields: { provider: { zdr: true } } }],
    ['a provider', 404, 'no_matching_provider', { fields: { provider: { only: ['x'] } } }],
    [
      'a low price',
      404,
      'no_matching_provider',
      { fields: { provider: { max_price: { prompt: 0 } } } },
    ],
    ['audio', 400, 'unsupported_parameter', { fields: { audio: { voice: 'a', format: 'wav' } } }],
    [
      'a remote image',
      400,
      'invalid_request',
      {
        fields: {
          messages: [
            {
              role: 'user',
              content: [{ type: 'image_url', image_url: { url: 'http://127.0.0.1/x' } }],
            },
          ],
        },
      },
    ],
    ['a model that nobody serves', 404, 'model_not_found', { fields: { model: 'no-such' } }],
    ['a form', 415, 'unsupported_media_type', { headers: { 'content-type': 'text/plain' } }],
    ['a zipped body', 415, 'unsupported_media_type', { headers: { 'content-encoding': 'gzip' } }],
    [
      'an unknown change mode',
      400,
      'change_mode_not_supported',
      { headers: { 'x-cashu-change': 'all' } },
    ],
    [
      'nesting without end',
      400,
      'invalid_request',
      { rawBody: `{${good},"x":${'['.repeat(5_000)}${']'.repeat(5_000)}}` },
    ],
  ];

  test.each(rows)('%s', async (_, status, code, options) => {
    const token = world.fund(100);
    const before = footprint();

    const answer = await chat(world.url, token, options);

    await expectError(answer, status, code);
    expect(footprint()).toEqual(before);
    expect(await world.receive(token)).toBe(99_000);
  });

  test('two different credentials', async () => {
    const token = world.fund(100);
    const other = world.fund(100);
    const before = footprint();

    const answer = await chat(world.url, token, { headers: { 'x-cashu': other } });

    await expectError(answer, 400, 'multiple_credentials');
    expect(footprint()).toEqual(before);
    expect(await world.receive(token)).toBe(99_000);
    expect(await world.receive(other)).toBe(99_000);
  });

  test('a header of 70 KB: 431 with a JSON body', async () => {
    const token = world.fund(100);
    const before = footprint();

    const answer = await chat(world.url, token, { headers: { 'x-filler': 'x'.repeat(70_000) } });

    await expectError(answer, 431, 'headers_too_large');
    expect(footprint()).toEqual(before);
    expect(await world.receive(token)).toBe(99_000);
  });

  test('a body of 20 MB: 413', async () => {
    const token = world.fund(100);
    const before = footprint();
    const content = 'word '.repeat(4 * 1024 * 1024);

    const answer = await chat(world.url, token, {
      fields: { messages: [{ role: 'user', content }] },
    });

    await expectError(answer, 413, 'request_too_large');
    expect(footprint()).toEqual(before);
    expect(await world.receive(token)).toBe(99_000);
  });
});

describe('faulty tokens: refused with a stable code and without a swap', () => {
  /** The code of a 400 that both ways to send the token get; nothing was swapped for it. */
  async function refusalOf(token: string): Promise<string> {
    const before = footprint();
    const bearer = await (await chat(world.url, token)).json();
    const code = bearer.error?.code ?? 'none';
    await expectError(await chat(world.url, token, { scheme: 'x-cashu' }), 400, code);
    expect(footprint()).toEqual(before);
    return code;
  }

  test('no coins', async () => {
    expect(await refusalOf(spellB({ mint: world.mint.url, coins: [] }))).toBe(
      'cashu_token_zero_value',
    );
  });

  test.each([20, 100, 300])('cut off after %i characters', async (length) => {
    const token = world.fund(100);
    expect(await refusalOf(token.slice(0, length))).toBe('cashu_token_invalid');
    expect(await world.receive(token)).toBe(99_000);
  });

  test('another mint', async () => {
    const token = world.fund(100);
    const foreign = spellB({ ...spelled(token), mint: 'https://other.example' });
    expect(await refusalOf(foreign)).toBe('cashu_mint_not_accepted');
    expect(await world.receive(token)).toBe(99_000);
  });

  test('another unit', async () => {
    expect(await refusalOf(world.mint.faucet(100, 'usd'))).toBe('cashu_unit_not_accepted');
  });

  test('P7: another unit, hidden behind the word sat', async () => {
    const inUsd = world.mint.faucet(64, 'usd', [64]);
    const { keysets } = (await (await fetch(`${world.mint.url}/v1/keysets`)).json()) as {
      keysets: { id: string; unit: string }[];
    };
    const usd = keysets.find(({ unit }) => unit === 'usd')?.id ?? '';
    const [coin] = spelled(world.fund(64, [64])).coins;
    if (coin === undefined) throw new Error('no coin');
    const hidden = spellB({ mint: world.mint.url, unit: 'sat', coins: [{ ...coin, keyset: usd }] });
    expect(inUsd).toMatch(/^cashuB/);
    expect(await refusalOf(hidden)).toBe('cashu_unit_not_accepted');
  });

  test('a keyset that the mint does not have', async () => {
    const token = spelled(world.fund(64, [64]));
    const coins = token.coins.map((coin) => ({ ...coin, keyset: `00${'ab'.repeat(7)}` }));
    expect(await refusalOf(spellB({ ...token, coins }))).toBe('cashu_token_invalid');
  });

  test('the same coin twice', async () => {
    const token = world.fund(64, [64]);
    const once = spelled(token);
    const twice = spellB({ ...once, coins: [...once.coins, ...once.coins] });
    expect(await refusalOf(twice)).toBe('cashu_token_invalid');
    expect(await world.receive(token)).toBe(63_000);
  });

  test('an amount that is not the coin’s own: its DLEQ does not fit', async () => {
    const token = world.fund(64, [64]);
    const once = spelled(token);
    const coins = once.coins.map((coin) => ({ ...coin, amount: 128n }));
    expect(await refusalOf(spellB({ ...once, coins }))).toBe('cashu_token_invalid');
    expect(await world.receive(token)).toBe(63_000);
  });

  test('a locked coin', async () => {
    const token = spelled(world.fund(64, [64]));
    const secret = JSON.stringify(['P2PK', { nonce: 'ab', data: `02${'11'.repeat(32)}` }]);
    const coins = token.coins.map(({ keyset, amount, C }) => ({ keyset, amount, C, secret }));
    expect(await refusalOf(spellB({ ...token, coins }))).toBe('cashu_token_invalid');
  });

  test('two hundred coins in a header', async () => {
    const token = world.fund(
      200,
      Array.from({ length: 200 }, () => 1),
    );
    expect(await refusalOf(spellB({ ...spelled(token), dleq: false }))).toBe(
      'cashu_token_too_large',
    );
    expect(await world.receive(token)).toBe(180_000);
  });

  test('five thousand coins in a body of the refund route', async () => {
    const before = footprint();
    const coins = Array.from({ length: 5_000 }, () => ({
      keyset: spelledKeyset(),
      amount: 1n,
      secret: randomBytes(32).toString('hex'),
      C: Buffer.alloc(33, 2),
    }));
    const body = JSON.stringify({ token: spellB({ mint: world.mint.url, coins }) });

    const answer = await call(`${world.url}/v1/wallet/refund`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });

    await expectError(answer, 413, 'request_too_large');
    expect(footprint()).toEqual(before);
  });

  test('spent: one swap finds it out, a repeat does not ask again', async () => {
    const token = world.fund(100);
    await world.receive(token);
    const [swaps = 0, requests] = footprint();

    await expectError(await chat(world.url, token), 400, 'cashu_token_already_spent');
    await expectError(await chat(world.url, token), 400, 'cashu_token_already_spent');

    expect(footprint()).toEqual([swaps + 1, requests]);
  });

  test('overlapping a token that was redeemed: no swap, and the rest of it is good', async () => {
    const whole = spelled(world.fund(160, [32, 64, 64]));
    const [a, b, c] = whole.coins;
    if (a === undefined || b === undefined || c === undefined) throw new Error('three coins');
    const first = await chat(world.url, spellB({ ...whole, coins: [a, b] }));
    expect(first.status).toBe(200);

    for (const coins of [[b, c], [a], [a, b, c]]) {
      expect(await refusalOf(spellB({ ...whole, coins }))).toBe('cashu_token_already_spent');
    }

    expect(await world.receive(spellB({ ...whole, coins: [c] }))).toBe(63_000);
  });

  test('overlapping a token that is just being redeemed: refused at once, no swap, and the rest of it is good', async () => {
    const whole = spelled(world.fund(160, [32, 64, 64]));
    const [a, b, c] = whole.coins;
    if (a === undefined || b === undefined || c === undefined) throw new Error('three coins');
    const [swaps = 0] = footprint();
    world.mint.addFault({ path: '/v1/swap', kind: 'delay', ms: 500 });

    const first = chat(world.url, spellB({ ...whole, coins: [a, b] }));
    await until('the mint has it', () => world.mint.callCount('/v1/swap') === swaps + 1);
    const second = await chat(world.url, spellB({ ...whole, coins: [b, c] }));

    await expectError(second, 400, 'cashu_token_overlaps');
    expect((await first).status).toBe(200);
    expect(world.mint.callCount('/v1/swap')).toBe(swaps + 1);
    expect(await world.receive(spellB({ ...whole, coins: [c] }))).toBe(63_000);
  });

  const spelledKeyset = (): string => world.coinsOf(world.fund(1))[0]?.id ?? '';
});

test('two hundred spellings of one token are one account and one swap', async () => {
  const token = world.fund(100, [4, 32, 64]);
  const once = spelled(token);
  const spellings = [...everySpelling(once)].slice(0, 200);
  expect(new Set(spellings).size).toBe(200);
  const [swaps = 0] = footprint();

  const answers = await Promise.all(
    spellings
      .filter((_, index) => index % 10 === 0)
      .map((spelling) => chat(world.url, spelling, { change: 'keep', fields: { max_tokens: 1 } })),
  );
  const balances = new Set<number>();
  for (const spelling of spellings) balances.add((await info(world.url, spelling)).balance);

  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  expect(balances.size).toBe(1);
  expect([...balances][0]).toBeLessThan(99_000);
  expect(world.mint.callCount('/v1/swap')).toBe(swaps + 1);
});

test('every path that is not served is a 404 in our shape, and takes nothing', async () => {
  const token = world.fund(100);
  const before = footprint();

  for (const path of [
    '/v1/completions',
    '/v1/responses',
    '/v1/embeddings',
    '/v1/audio/speech',
    '/v1/x',
  ]) {
    const answer = await call(`${world.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...credential(token) },
      body: chatBody(),
    });
    await expectError(answer, 404, 'not_found');
  }

  expect(footprint()).toEqual(before);
  expect(await world.receive(token)).toBe(99_000);
});

/** Ways to write the same coins: order, version, letter case, padding, DLEQ, memo, ids, groups, scheme. */
function* everySpelling({ mint, coins }: Spelled): Generator<string> {
  const [a, b, c] = coins;
  if (a === undefined || b === undefined || c === undefined) throw new Error('three coins');
  const orders = [
    [a, b, c],
    [a, c, b],
    [b, a, c],
    [b, c, a],
    [c, a, b],
    [c, b, a],
  ];
  const mints = [mint, `${mint}/`, mint.replace('http:', 'HTTP:')];
  for (const order of orders) {
    for (const url of mints) {
      for (const dleq of [true, false]) {
        const token = { mint: url, coins: order, dleq };
        yield spellB(token);
        yield `cashu:${spellB({ ...token, shortId: true })}`;
        yield spellB({ ...token, groups: 2, memo: 'for you' });
        yield spellA(token);
        yield spellA({ ...token, upper: true, padded: true });
        yield spellA({ ...token, memo: 'with a memo' });
      }
    }
  }
}
