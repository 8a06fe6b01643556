import { expect, test } from 'vitest';

import { createCancel } from '../../../src/lib/cancel.ts';
import { buy, buyingWorld, requestOf, settled, sweepUntil } from './buying-world.ts';
import type { BuyingWorld } from './buying-world.ts';
import { answer, costOf, json, scriptedNode } from './scripted-node.ts';

const isOver = async (world: BuyingWorld): Promise<boolean> =>
  (await world.rows()).every(({ state }) => state === 'closed' || state === 'lost');

test.each([false, true])(
  'each request carries its own money, and its change comes with the answer (stream: %s)',
  async (stream) => {
    await using world = await buyingWorld();
    await using node = await scriptedNode(world.mint.url);
    const upstream = world.upstream(node.url, { buy: 'request' });
    const body = Buffer.from(JSON.stringify({ model: 'm', messages: [], stream }));

    const text = await buy(world, upstream, requestOf(5, { body, stream }));
    await buy(world, upstream, requestOf(5, { body, stream }));

    expect(text).not.toContain('cashu');
    expect(text).toContain('hello');
    expect(await world.rows()).toMatchObject([
      { kind: 'request', state: 'closed', charged_msat: 2000n, lost_msat: 0n },
      { kind: 'request', state: 'closed', charged_msat: 2000n, lost_msat: 0n },
    ]);
    expect(node.requests.map(({ path }) => path)).not.toContain('/v1/wallet/refund');
    expect(world.treasury.freeAt(world.mint.url)).toBe(996n);
    expect(world.purchases.riskOf('n1')).toBe(0n);
    expect(await world.faults()).toEqual([]);
  },
);

test('change that did not come is called for with the token that was paid with', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  const tokens: string[] = [];
  node.chat = async (response, { headers }) => {
    tokens.push(String(headers['x-cashu']));
    await node.till.redeem(tokens[0] ?? '');
    answer(response, false, costOf(2000));
  };
  let asked = 0;
  node.refund = async (response, { headers }) => {
    tokens.push(String(headers['x-cashu']));
    asked += 1;
    if (asked === 1) return json(response, 425, {}, { 'retry-after': '2' });
    if (asked === 2) return json(response, 404, {});
    const sats = Number(((await world.rows())[0]?.deposited_msat ?? 0n) / 1000n) - 2;
    return json(response, 200, { token: await node.till.pay(sats), sats: String(sats) });
  };

  await buy(world, world.upstream(node.url, { buy: 'request' }));
  await sweepUntil(world, async () => isOver(world));

  expect(asked).toBe(3);
  expect(new Set(tokens).size).toBe(1);
  expect(await world.rows()).toMatchObject([{ state: 'closed', charged_msat: 2000n }]);
  expect(world.treasury.freeAt(world.mint.url)).toBe(998n);
});

test('change on an error is taken, wherever it stands', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  node.chat = async (response, { headers }) => {
    const change = await node.till.pay(await node.till.redeem(String(headers['x-cashu'])));
    const error = { message: 'no', type: 'upstream_error', code: 502, refund_token: change };
    json(response, 502, { error });
  };

  await expect(buy(world, world.upstream(node.url, { buy: 'request' }))).rejects.toMatchObject({
    status: 502,
  });
  await settled(world);

  expect(await world.rows()).toMatchObject([{ state: 'closed', charged_msat: 0n }]);
  expect(world.treasury.freeAt(world.mint.url)).toBe(1000n);
});

test('a token that nobody took is ours again', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  node.chat = (response) => json(response, 429, {});

  await expect(buy(world, world.upstream(node.url, { buy: 'request' }))).rejects.toMatchObject({
    status: 429,
  });
  await sweepUntil(world, async () => isOver(world));

  expect(world.treasury.freeAt(world.mint.url)).toBe(1000n);
  expect(await world.faults()).toEqual([]);
});

test('change that is not swapped yet is swapped after a restart', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  const upstream = world.upstream(node.url, { buy: 'request' });
  // Its swap is not answered: nobody knows.
  const sent = await upstream.send(requestOf(5), createCancel());
  world.mint.addFault({ path: '/v1/swap', kind: 'drop', times: 20 });
  await sent.relay(() => undefined);
  await settled(world);
  const before = await world.rows();
  world.mint.clearFaults();

  await world.restart();
  await sweepUntil(world, async () => isOver(world));

  expect(before).toMatchObject([{ state: 'draining' }]);
  expect(await world.rows()).toMatchObject([
    { state: 'closed', charged_msat: 2000n, lost_msat: 0n },
  ]);
  expect(world.treasury.freeAt(world.mint.url)).toBe(998n);
  expect(await world.faults()).toEqual([]);
});

test('a node that gives back more than it was given has made us a gift, and all goes on', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  node.chat = (response) =>
    answer(response, false, { ...costOf(2000), x_cashu: world.mint.faucet(64) });

  await buy(world, world.upstream(node.url, { buy: 'request' }));
  await sweepUntil(world, async () => isOver(world));

  const [row] = await world.rows();
  expect(row).toMatchObject({ state: 'closed', charged_msat: 0n, returned_msat: 64_000n });
  expect(world.treasury.freeAt(world.mint.url)).toBe(1064n - (row?.deposited_msat ?? 0n) / 1000n);
  expect(world.purchases.riskOf('n1')).toBe(0n);
  expect(await world.faults()).toEqual([]);
});
