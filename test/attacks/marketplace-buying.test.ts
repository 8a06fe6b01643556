import { expect, test } from 'vitest';

import { createCancel } from '../../src/lib/cancel.ts';
import { priceOf } from '../../src/pricing/price-list.ts';
import {
  buy,
  buyingWorld,
  requestOf,
  settled,
  sweepUntil,
} from '../upstream/routstr/buying-world.ts';
import type { BuyingWorld } from '../upstream/routstr/buying-world.ts';
import { answer, event, json, scriptedNode } from '../upstream/routstr/scripted-node.ts';
import type { ScriptedNode } from '../upstream/routstr/scripted-node.ts';

const IDLE_MS = 601_000;

const kindsOf = ({ seen }: BuyingWorld): readonly string[] => seen.map(({ kind }) => kind);

/** All accounts are over. */
async function over(world: BuyingWorld): Promise<void> {
  world.clock.advance(IDLE_MS);
  await sweepUntil(world, async () =>
    (await world.rows()).every(({ state }) => /closed|lost/.test(state)),
  );
}

/** What a node takes without a word of it. */
async function take(
  node: ScriptedNode,
  headers: { readonly authorization?: string | undefined },
  msat: number,
): Promise<void> {
  const account = await node.till.open(headers.authorization?.replace('Bearer ', '') ?? '');
  if (account !== undefined) account.balanceMsat -= msat;
}

test('a node that invents usage to charge more than a request can cost has overcharged', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  const upstream = world.upstream(node.url);
  await upstream.models();
  node.chat = async (response, { headers }) => {
    const prompt = 1_000_000_000;
    await take(node, headers, 40_000);
    const cost = { total_msats: prompt };
    answer(response, false, { usage: { prompt_tokens: prompt, completion_tokens: 0, cost } });
  };

  await buy(world, upstream, requestOf(5));

  expect(kindsOf(world)).toEqual(['overcharged']);
  const [row] = await world.rows();
  expect(row?.disputed_msat).toBeGreaterThanOrEqual((row?.deposited_msat ?? 0n) - 5500n);
  expect(await world.faults()).toEqual([]);
});

test('what a node asks to see on the balance does not become what it may take', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  let asked = 0;
  node.chat = async (response, { headers }) => {
    asked += 1;
    if (asked === 1) {
      const message = 'Insufficient balance: 200000 mSats required. 0 available.';
      return json(response, 402, { error: { message, code: 'insufficient_balance' } });
    }
    await take(node, headers, 150_000);
    return answer(response, false, {});
  };

  await buy(world, world.upstream(node.url), requestOf(5));
  world.clock.advance(1000);
  await settled(world);

  expect(world.seen).toContainEqual(
    expect.objectContaining({ kind: 'overcharged', chargedMsat: 150_000n, expectedMsat: 5000n }),
  );
  expect(await world.faults()).toEqual([]);
});

test('a node that tells its usage, but no charge, may take what the usage costs', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  const upstream = world.upstream(node.url);
  await upstream.models();
  const usage = { prompt_tokens: 1000, completion_tokens: 500 };
  node.chat = async (response, { headers }) => {
    await take(node, headers, 40_000);
    answer(response, false, { usage });
  };

  await buy(world, upstream, requestOf(45));
  world.clock.advance(1000);
  await settled(world);

  expect(world.seen).toEqual([{ kind: 'overcharged', chargedMsat: 40_000n, expectedMsat: 2000n }]);
});

test('a node that tells its prices in dollars only is checked at what they are to us', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  const terms = { model: 'm', provider: 'node', markup: '1', usdPmsat: undefined };
  const cost = priceOf({ unit: 'sat', input: '1000', output: '2000' }, terms);
  if (cost === 'no-rate') throw new Error('sat need no rate');
  node.costMsat = 2100;
  const upstream = world.upstream(node.url);

  await buy(world, upstream, requestOf(45, { cost }));
  node.costMsat = 40_000;
  await buy(world, upstream, requestOf(45, { cost }));

  expect(world.seen).toEqual([
    { kind: 'paid', chargedMsat: 2100n, expectedMsat: undefined },
    { kind: 'overcharged', chargedMsat: 40_000n, expectedMsat: 2200n },
  ]);
});

const BIG_USAGE = {
  prompt_tokens: 1000,
  completion_tokens: 20_000,
  cost: { total_msats: 41_000 },
};
const usageEvent = (usage: object): string => event({ id: 'c1', choices: [], usage });
const CONTENT = event({ id: 'c1', choices: [{ index: 0, delta: { content: 'hi' } }] });
const FINISH = event({ id: 'c1', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
const DONE = 'data: [DONE]\n\n';
const SMALL_USAGE = { prompt_tokens: 1000, completion_tokens: 5 };
const NO_USAGE = { prompt_tokens: -1, completion_tokens: 5 };
const ERROR = { error: { message: 'no' } };

test.each([
  ['after its end', CONTENT + FINISH + usageEvent(SMALL_USAGE) + DONE + usageEvent(BIG_USAGE)],
  ['that it takes back', CONTENT + usageEvent(BIG_USAGE) + FINISH + usageEvent(NO_USAGE) + DONE],
  ['in an error', event({ ...ERROR, usage: BIG_USAGE })],
  ['before an error', CONTENT + usageEvent(BIG_USAGE) + event(ERROR)],
  ['in what is no chat', event({ ping: 1 }) + usageEvent(BIG_USAGE) + FINISH + DONE],
  ['before it breaks off', CONTENT + usageEvent(BIG_USAGE)],
  ['in an error in one piece', { ...ERROR, usage: BIG_USAGE }],
  ['in no answer in one piece', { usage: BIG_USAGE }],
])('usage that the payer does not pay for is not paid right: %s', async (_where, body) => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  const upstream = world.upstream(node.url);
  await upstream.models();
  const stream = typeof body === 'string';
  node.chat = async (response, { headers }) => {
    await take(node, headers, 41_000);
    if (!stream) return json(response, 200, body);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(body);
    return undefined;
  };

  await buy(world, upstream, requestOf(45, { stream })).catch(() => undefined);

  const kinds = kindsOf(world);
  expect(kinds).not.toContain('paid');
  expect(kinds).toContainEqual(expect.stringMatching(/unchecked|overcharged/));
  expect(await world.faults()).toEqual([]);
});

test('an answer whose usage nobody tells is no success, whatever it cost', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  const upstream = world.upstream(node.url);
  await upstream.models();
  node.chat = async (response, { headers }) => {
    await take(node, headers, 5000);
    answer(response, false, { cost: { total_msats: 5000 } });
  };

  await buy(world, upstream, requestOf(5));

  expect(world.seen).toEqual([
    { kind: 'failed', what: 'no usage' },
    { kind: 'unchecked', msat: 5000n },
  ]);
});

test.each([
  [503, 'overcharged'],
  [500, 'overcharged'],
])('a charge for an answer of %i is one for nothing', async (status, kind) => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  node.chat = async (response, { headers }) => {
    await take(node, headers, 4000);
    json(response, status, {});
  };

  await buy(world, world.upstream(node.url)).catch(() => undefined);
  await settled(world);
  world.clock.advance(1000);
  await settled(world);

  expect(kindsOf(world)).toEqual(['failed', kind]);
  expect(await world.rows()).toMatchObject([{ charged_msat: 4000n, disputed_msat: 4000n }]);
});

test('a charge for a request that never was answered is no success', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  let isTaken = false;
  node.chat = async (_response, { headers }) => {
    await take(node, headers, 4000);
    isTaken = true;
  };

  const request = requestOf(5, { firstByteTimeoutMs: 100 });
  await buy(world, world.upstream(node.url), request).catch(() => undefined);
  await expect.poll(() => isTaken).toBe(true);
  await settled(world);
  world.clock.advance(1000);
  await settled(world);

  expect(kindsOf(world)).toEqual(['failed', 'unchecked']);
  expect(await world.rows()).toMatchObject([{ charged_msat: 4000n, reserved_msat: 0n }]);
});

test.each(['balance', 'request'] as const)(
  'P11: what a node keeps of a request that broke off, and tells only by what it gives back, is remembered too (%s)',
  async (kind) => {
    await using world = await buyingWorld();
    await using node = await scriptedNode(world.mint.url);
    const tokenIn = (headers: Record<string, unknown>): string =>
      String(headers['x-cashu'] ?? headers['authorization']).replace('Bearer ', '');
    node.chat = async (response, { headers }) => {
      await node.till.open(tokenIn(headers));
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(event({ id: 'c1', choices: [{ index: 0, delta: { content: 'he' } }] }));
    };
    node.info = (response) => (node.chats().length === 0 ? false : json(response, 500, {}));
    node.refund = async (response, { headers }) => {
      const account = await node.till.open(tokenIn(headers));
      const sats = Math.floor((account?.balanceMsat ?? 0) / 1000) - 40;
      json(response, 200, { token: await node.till.pay(sats), sats: String(sats) });
    };
    const gone = createCancel();
    const request = requestOf(40, { stream: true });
    const answered = await world.upstream(node.url, { buy: kind }).send(request, gone);
    const relayed = answered.relay(() => undefined).catch(() => undefined);
    gone.cancel();
    await relayed;
    await over(world);

    expect(await world.rows()).toMatchObject([{ state: 'closed', charged_msat: 40_000n }]);
    expect(world.seen).toContainEqual({ kind: 'unchecked', msat: 40_000n });
  },
);

test.each([
  ['balance', 402],
  ['request', 429],
] as const)(
  'a node that refuses every request, and keeps a little of each token, can do so up to its cap (%s)',
  async (kind, status) => {
    await using world = await buyingWorld();
    await using node = await scriptedNode(world.mint.url);
    const upstream = world.upstream(node.url, { buy: kind });
    world.capSat = 40n;
    const tokenIn = (headers: Record<string, unknown>): string =>
      String(headers['x-cashu'] ?? headers['authorization']).replace('Bearer ', '');
    node.chat = (response) => json(response, status, {});
    node.refund = async (response, { headers }) => {
      const account = await node.till.open(tokenIn(headers));
      const sats = Math.floor((account?.balanceMsat ?? 0) / 1000) - 2;
      if (account !== undefined) account.balanceMsat = 0;
      json(response, 200, { token: await node.till.pay(sats), sats: String(sats) });
    };

    for (let asks = 0; asks < 30; asks += 1) {
      await buy(world, upstream).catch(() => undefined);
      await settled(world);
    }

    expect(upstream.buying?.why()).toBe('over its cap');
    expect(world.treasury.freeAt(world.mint.url)).toBeGreaterThanOrEqual(1000n - world.capSat);
    expect(await world.faults()).toEqual([]);
  },
  60_000,
);

test('two routers under one key each keep their own money', async () => {
  await using world = await buyingWorld();
  await using one = await scriptedNode(world.mint.url);
  await using two = await scriptedNode(world.mint.url);
  const upstreams = [world.upstream(one.url), world.upstream(two.url)] as const;
  for (const upstream of [...upstreams, ...upstreams]) await buy(world, upstream);

  expect(kindsOf(world)).not.toContain('withheld');
  const tokens = new Set(
    [...one.chats(), ...two.chats()].map(({ headers }) => headers.authorization),
  );
  expect(tokens.size).toBe(2);
  await over(world);
  expect(world.treasury.freeAt(world.mint.url)).toBe(992n);
  expect(await world.faults()).toEqual([]);
});

test('a fresh token that a node refuses is not yet withheld: it comes back', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  node.info = (response) => json(response, 404, {});
  node.chat = (response) =>
    json(response, 422, { error: { message: 'no', type: 'mint_error', code: 'mint_unreachable' } });

  await buy(world, world.upstream(node.url)).catch(() => undefined);
  await over(world);

  expect(kindsOf(world)).not.toContain('withheld');
  expect(world.treasury.freeAt(world.mint.url)).toBe(1000n);
});

test('a debt is held against a node once, however often we start anew', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  await buy(world, world.upstream(node.url));
  node.refund = (response) => json(response, 503, {});
  const attempts = async (): Promise<bigint> => (await world.rows())[0]?.attempts ?? 0n;
  world.clock.advance(IDLE_MS);
  await sweepUntil(world, async () => (await attempts()) >= 12n);
  for (const until of [14n, 16n]) {
    await world.restart();
    world.upstream(node.url);
    await sweepUntil(world, async () => (await attempts()) >= until);
  }

  expect(kindsOf(world).filter((kind) => kind === 'withheld')).toHaveLength(1);
});

test('a redirect is not followed, and is no answer', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  await using inside = await scriptedNode(world.mint.url);
  for (const path of ['chat', 'info', 'refund'] as const) {
    node[path] = (response) => {
      response.writeHead(307, { location: `${inside.url}/v1/chat/completions` });
      response.end();
    };
  }

  await expect(world.upstream(node.url).send(requestOf(5), createCancel())).rejects.toMatchObject({
    kind: 'status',
    status: 307,
  });
  await over(world);

  expect(inside.requests).toEqual([]);
  expect(world.treasury.freeAt(world.mint.url)).toBe(1000n);
});
