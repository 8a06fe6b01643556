import { expect, test } from 'vitest';

import { createCancel } from '../../../src/lib/cancel.ts';
import { buy, buyingWorld, requestOf, sweepUntil } from './buying-world.ts';
import { COST_MSAT, json, scriptedNode } from './scripted-node.ts';

test('what buying costs is borne by the requests that were served, not by those that the node refused', async () => {
  await using world = await buyingWorld({ mint: { inputFeePpk: 1000 } });
  await using node = await scriptedNode(world.mint.url);
  // Its own swaps cost it something, too.
  await node.till.redeem(world.mint.faucet(100));
  const upstream = world.upstream(node.url);
  await buy(world, upstream);
  node.chat = (response) => json(response, 429, {});
  for (let i = 0; i < 9; i += 1)
    await expect(upstream.send(requestOf(5), createCancel())).rejects.toMatchObject({
      status: 429,
    });

  world.clock.advance(601_000);
  await sweepUntil(world, async () =>
    (await world.rows()).every(({ state }) => state === 'closed'),
  );

  const lost = (await world.rows()).reduce((sum, row) => sum + row.lost_msat, 0n);
  expect(lost).toBeGreaterThan(2000n);
  expect(upstream.buying?.overhead()).toBeGreaterThanOrEqual(lost);
  expect(await world.faults()).toEqual([]);
});

test('what a node charges above its prices by rounding is what buying costs, too', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  const upstream = world.upstream(node.url, { buy: 'request' });
  await upstream.models();
  node.costMsat = COST_MSAT + 1_000;

  for (let request = 0; request < 3; request += 1) await buy(world, upstream);
  await sweepUntil(world, async () =>
    (await world.rows()).every(({ state }) => state === 'closed'),
  );

  expect(world.seen).not.toContainEqual(expect.objectContaining({ kind: 'overcharged' }));
  expect(upstream.buying?.overhead()).toBeGreaterThanOrEqual(1_000n);
});
