import { expect, test } from 'vitest';

import { buy, buyingWorld, requestOf } from './buying-world.ts';
import { scriptedNode } from './scripted-node.ts';

test('all money is called back by one recall, at however many nodes it lies', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  world.capSat = 40n;
  const nodes = Array.from({ length: 10 }, (_, index) => `n${index}`);
  for (const name of nodes)
    await buy(world, world.upstream(node.url, { node: name }), requestOf(5));
  expect(world.purchases.nodes()).toHaveLength(10);

  await world.purchases.recall();

  expect(world.purchases.nodes()).toEqual([]);
  expect((await world.rows()).map(({ state }) => state)).toEqual(nodes.map(() => 'closed'));
  expect(await world.faults()).toEqual([]);
});
