import { Amount, getEncodedToken } from '@cashu/cashu-ts';
import { expect, test } from 'vitest';

import { buy, buyingWorld, requestOf, sweepUntil } from './buying-world.ts';
import { json, scriptedNode } from './scripted-node.ts';

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

test('change of a keyset that its mint never had is withheld, and the node is asked for other change', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  await buy(world, world.upstream(node.url));
  const atRisk = world.purchases.riskOf('n1');
  const C = '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798';
  const proofs = [{ id: '00ffffffffffffff', amount: Amount.from(64), secret: 'made up', C }];
  const token = getEncodedToken({ mint: world.mint.url, unit: 'sat', proofs });
  node.refund = (response) => json(response, 200, { token, sats: '64' });

  world.clock.advance(601_000);
  await sweepUntil(world, async () => world.seen.some(({ kind }) => kind === 'withheld'));
  expect(world.seen).toContainEqual({ kind: 'withheld', msat: atRisk });

  node.refund = () => false;
  await sweepUntil(world, async () => world.purchases.nodes().length === 0);
  expect(await world.rows()).toMatchObject([{ state: 'closed', lost_msat: 0n }]);
  expect(await world.faults()).toEqual([]);
});
