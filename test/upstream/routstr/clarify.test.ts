import { expect, test } from 'vitest';

import { createCancel } from '../../../src/lib/cancel.ts';
import { buyingWorld, requestOf, settled, sweepUntil } from './buying-world.ts';
import type { BuyingWorld } from './buying-world.ts';
import { json, scriptedNode } from './scripted-node.ts';
import type { ScriptedNode } from './scripted-node.ts';

/** The node dies in a request, and what it cost is asked for. */
async function askAndLose(world: BuyingWorld, node: ScriptedNode): Promise<void> {
  node.chat = (response) => void response.socket?.resetAndDestroy();
  await world
    .upstream(node.url)
    .send(requestOf(5), createCancel())
    .catch(() => undefined);
  await settled(world);
  world.clock.advance(1000);
  await settled(world);
}

async function over(world: BuyingWorld): Promise<void> {
  world.clock.advance(601_000);
  await sweepUntil(world, async () =>
    (await world.rows()).every(({ state }) => state === 'closed' || state === 'lost'),
  );
}

test.each(['redeeming', 'refunding', 'reclaiming'])(
  'a balance of 0 while the node is %s at the mint is no word on what is left',
  async (state) => {
    await using world = await buyingWorld();
    await using node = await scriptedNode(world.mint.url);
    node.info = (response) => json(response, 200, { balance: 0, reserved: 0, state });
    node.refund = (response) => json(response, 425, {});

    await askAndLose(world, node);

    expect(await world.rows()).toMatchObject([{ charged_msat: 0n, disputed_msat: 0n }]);
    // It never redeemed our token: that is soon ours again.
    for (let rounds = 0; rounds < 9; rounds += 1) {
      world.clock.advance(5_000);
      await settled(world);
    }
    expect(world.treasury.freeAt(world.mint.url)).toBe(1000n);
    expect(world.seen.filter(({ kind }) => kind === 'overcharged')).toEqual([]);
    expect(await world.faults()).toEqual([]);
  },
);

test('a node that tells too little is asked for it all the same, and what it then gives was never charged', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  node.info = (response) => json(response, 200, { balance: 0, reserved: 0 });
  await askAndLose(world, node);
  const [told] = await world.rows();
  expect(told?.disputed_msat).toBeGreaterThan(0n);

  node.info = () => false;
  await over(world);

  expect(await world.rows()).toMatchObject([
    { state: 'closed', charged_msat: 0n, disputed_msat: 0n },
  ]);
  expect(world.treasury.freeAt(world.mint.url)).toBe(1000n);
  expect(world.purchases.riskOf('n1')).toBe(0n);
  expect(await world.faults()).toEqual([]);
});
