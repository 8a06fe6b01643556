import OpenAI from 'openai';
import { expect, test } from 'vitest';

import {
  call,
  changeOf,
  chat,
  chatBody,
  costOf,
  credential,
  info,
  refund,
  until,
} from '../support/router-chat.ts';
import type { ChatJson } from '../support/router-chat.ts';
import { INPUT_MSAT, MODEL, routerWorld } from '../support/router-world.ts';
import type { RouterWorld } from '../support/router-world.ts';

const PAID = 1_000_000;
const messages = [{ role: 'user' as const, content: 'Tell me a story' }];

function clientOf(world: RouterWorld, apiKey: string): OpenAI {
  return new OpenAI({ apiKey, baseURL: `${world.url}/v1`, maxRetries: 0 });
}

/** One plain chat through the SDK: its cost, and the change where it carries some. */
async function ask(
  openai: OpenAI,
  fields: object = {},
): Promise<{ readonly cost: number; readonly change: string | undefined }> {
  const { data, response } = await openai.chat.completions
    .create({ model: MODEL, messages, ...fields })
    .withResponse();
  const body = data as unknown as ChatJson;
  return { cost: costOf(body), change: response.headers.get('x-cashu') ?? body.x_cashu };
}

test('a static key of ten: the first answer carries change, the second use takes it back by one swap, then no mint is called; the refund gives the rest', async () => {
  await using world = await routerWorld();
  const key = world.fund(1000);
  const openai = clientOf(world, key);

  const first = await ask(openai);
  const swapsAfterFirst = world.mint.callCount('/v1/swap');
  const second = await ask(openai);
  const swapsAfterSecond = world.mint.callCount('/v1/swap');
  world.mint.clearCalls();
  let cost = first.cost + second.cost;
  for (let use = 3; use <= 10; use++) {
    const { cost: own, change } = await ask(openai);
    expect(change).toBeUndefined();
    cost += own;
  }
  const callsOfEight = world.mint.callCount();
  const { token: rest } = await refund(world.url, key);

  expect(world.faceOf(first.change ?? '')).toBeGreaterThan(990_000);
  expect(second.change).toBeUndefined();
  expect([swapsAfterFirst, swapsAfterSecond]).toEqual([1, 2]);
  expect(callsOfEight).toBe(0);
  // The mint's own books say what it took so far: for both swaps, and for one more if the refund needed it.
  const fees = world.mint.books().fees * 1000;
  const dust = (await info(world.url, key)).balance - world.faceOf(rest);
  expect(cost + fees + world.faceOf(rest) + dust).toBe(PAID);
  expect(dust).toBeLessThan(1_000);
  expect(await world.receive(rest)).toBe(world.faceOf(rest) - world.feeOf(rest));
  expect(await world.faults()).toEqual([]);
});

test.each([
  ['with max_tokens', { max_tokens: 100 }],
  ['without max_tokens', {}],
])(
  'twenty SDK requests at once on one token (%s): one redemption; charges, change, fees and dust are the token',
  async (_, fields) => {
    await using world = await routerWorld();
    const key = world.fund(1000);
    const openai = clientOf(world, key);

    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(openai, fields)));

    expect(world.mint.callCount('/v1/swap')).toBe(1);
    expect((await info(world.url, key)).reserved).toBe(0);
    expect(world.model.requestCount).toBe(20);
    const charges = answers.reduce((sum, { cost }) => sum + cost, 0);
    const changes = answers.flatMap(({ change }) => change ?? []);
    expect(changes.length).toBeLessThanOrEqual(1);
    // Coins that were cut for one request do not make every change of twenty: then the refund call swaps once.
    const change = changes[0] ?? (await refund(world.url, key)).token;
    const fees = world.mint.books().fees * 1000;
    const dust = (await info(world.url, key)).balance - world.faceOf(change);
    expect(charges + world.faceOf(change) + fees + dust).toBe(PAID);
    expect(dust).toBeGreaterThanOrEqual(0);
    expect(dust).toBeLessThan(1_000);
    expect(await world.receive(change)).toBe(world.faceOf(change) - world.feeOf(change));
    expect(await world.faults()).toEqual([]);
  },
);

test('a chain of twenty: each change pays the next request, as X-Cashu and as Bearer, streamed and not; nothing is lost', async () => {
  await using world = await routerWorld();
  const first = world.fund(1000);

  let token = first;
  let charges = 0;
  for (let link = 0; link < 20; link++) {
    const scheme = link % 2 === 0 ? 'x-cashu' : 'bearer';
    const stream = link % 4 >= 2;
    const answer = await chat(world.url, token, { scheme, change: 'token', fields: { stream } });
    expect(answer.status).toBe(200);
    const body = stream ? (await answer.chunks()).at(-1) : await answer.json();
    charges += costOf(body);
    token = changeOf(answer, body);
  }

  const fees = world.mint.books().fees * 1000;
  const face = world.faceOf(token);
  const dust = (await info(world.url, token)).balance;
  expect(world.mint.callCount('/v1/swap')).toBe(20);
  // A token that was never presented is described with its fee off: what it would be worth here.
  expect(dust).toBe(face - world.feeOf(token));
  const left = PAID - charges - fees - face;
  expect(left).toBeGreaterThanOrEqual(0);
  expect(left).toBeLessThan(1_000);
  expect(await world.receive(token)).toBe(face - world.feeOf(token));
  expect(await world.faults()).toEqual([]);
});

test('a token whose X-Cashu change left is answered with 402 and the refund URL, never served again', async () => {
  await using world = await routerWorld();
  const token = world.fund(1000);
  const first = await chat(world.url, token, { scheme: 'x-cashu' });
  const change = changeOf(first, await first.json());

  const again = await chat(world.url, token, { scheme: 'x-cashu' });
  const again2 = await chat(world.url, token, { scheme: 'bearer' });

  expect(again.status).toBe(402);
  expect((await again.json()).error?.code).toBe('change_outstanding');
  expect(again2.status).toBe(402);
  expect((await refund(world.url, token, 'x-cashu')).token).toBe(change);
  expect(world.model.requestCount).toBe(1);
});

test('what X-Cashu-Change: keep leaves on the account survives a restart and comes back by refund', async () => {
  await using world = await routerWorld();
  const key = world.fund(1000);
  const answer = await chat(world.url, key, { change: 'keep' });
  const cost = costOf(await answer.json());

  await world.restart();
  const rest = await refund(world.url, key);

  expect(answer.headers['x-cashu']).toBeUndefined();
  expect(answer.headers['x-nutroute-refund']).toBe('/v1/wallet/refund');
  expect(world.faceOf(rest.token)).toBe(Math.floor((999_000 - cost) / 1000) * 1000);
});

test('the same token in both headers is one credential', async () => {
  await using world = await routerWorld();
  const token = world.fund(1000);

  const answer = await chat(world.url, token, { headers: { 'x-cashu': token } });

  expect(answer.status).toBe(200);
  expect(world.mint.callCount('/v1/swap')).toBe(1);
});

test('the routes have the names that Routstr clients use', async () => {
  await using world = await routerWorld();
  const token = world.fund(1000);
  const headers = { 'content-type': 'application/json', ...credential(token) };

  const unseen = await call(`${world.url}/v1/balance/info`, { headers });
  const answer = await call(`${world.url}/chat/completions`, {
    method: 'POST',
    headers,
    body: chatBody(),
  });
  const seen = await call(`${world.url}/v1/balance/info`, { headers });
  const back = await call(`${world.url}/v1/balance/refund`, { method: 'POST', headers });

  expect(JSON.parse(await unseen.text())).toMatchObject({ balance: 999_000, presented: false });
  expect(answer.status).toBe(200);
  const body = await answer.json();
  expect(JSON.parse(await seen.text())).toMatchObject({ balance: 999_000 - costOf(body) });
  expect(JSON.parse(await back.text())).toMatchObject({ token: changeOf(answer, body) });
});

test('an SDK that gives up on a slow answer and sends again: each attempt costs its input, the rest is there', async () => {
  await using world = await routerWorld();
  const token = world.fund(1000);
  world.model.hold(0);
  const openai = new OpenAI({
    apiKey: token,
    baseURL: `${world.url}/v1`,
    timeout: 500,
    maxRetries: 2,
  });

  await expect(openai.chat.completions.create({ model: MODEL, messages })).rejects.toThrow(
    'timed out',
  );
  await until('all is settled', async () => (await info(world.url, token)).reserved === 0);

  expect(world.model.requestCount).toBe(3);
  expect(world.mint.callCount('/v1/swap')).toBe(1);
  const charged = 999_000 - (await info(world.url, token)).balance;
  expect(charged).toBeGreaterThan(0);
  expect(charged).toBeLessThan(3 * 40 * INPUT_MSAT);
  const { token: rest } = await refund(world.url, token);
  expect(await world.receive(rest)).toBeGreaterThan(990_000);
  expect(await world.faults()).toEqual([]);
});
