import { expect, test } from 'vitest';

import { buy, buyingWorld, requestOf, settled } from './buying-world.ts';
import { scriptedNode } from './scripted-node.ts';

test('a balance that has become too small for such requests comes back, where the cap has no room for another', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  world.capSat = 60n;
  node.costMsat = 25_000;
  const upstream = world.upstream(node.url);

  await buy(world, upstream, requestOf(40));
  await settled(world);

  expect(await world.rows()).toMatchObject([{ state: 'closed', charged_msat: 25_000n }]);
  expect(upstream.buying?.affordable()).toBeGreaterThanOrEqual(40_000n);
  await buy(world, upstream, requestOf(40));
  expect(node.chats()).toHaveLength(2);
});

test('a balance that is large enough, or beside which there is room, stays', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  const upstream = world.upstream(node.url);

  for (const sat of [40, 5, 40]) await buy(world, upstream, requestOf(sat));
  await settled(world);

  expect(new Set((await world.rows()).map(({ state }) => state))).toEqual(new Set(['open']));
});

test('of several balances that an earlier run left at a node the largest stays', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  const upstream = world.upstream(node.url);
  node.costMsat = 60_000;
  for (let asks = 0; asks < 3; asks += 1) await buy(world, upstream, requestOf(60));
  const openRows = async () => (await world.rows()).filter(({ state }) => state === 'open');
  await expect.poll(openRows).toHaveLength(2);
  const open = await openRows();

  await world.restart();
  world.upstream(node.url);
  await expect.poll(openRows).toHaveLength(1);

  const rest = (row: (typeof open)[number]): bigint => row.deposited_msat - row.charged_msat;
  const [kept] = await openRows();
  const most = open.map(rest).reduce((a, b) => (a > b ? a : b));
  expect(kept === undefined ? undefined : rest(kept)).toBe(most);
  expect(await world.faults()).toEqual([]);
});
