import { expect, test } from 'vitest';

import { buy, buyingWorld, requestOf, settled, sweepUntil } from './buying-world.ts';
import type { BuyingWorld } from './buying-world.ts';
import { scriptedNode, USAGE } from './scripted-node.ts';

const IDLE_MS = 601_000;

async function isOver(world: BuyingWorld): Promise<boolean> {
  return (await world.rows()).every(({ state }) => state === 'closed' || state === 'lost');
}

test('many requests are paid from one balance, to the msat', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  const upstream = world.upstream(node.url);

  for (let request = 0; request < 3; request += 1) await buy(world, upstream);

  expect(await world.rows()).toMatchObject([
    { state: 'open', kind: 'balance', charged_msat: 6000n, reserved_msat: 0n },
  ]);
  expect(new Set(node.chats().map(({ headers }) => headers.authorization)).size).toBe(1);
  expect(node.chats()[0]?.headers['x-cashu-change']).toBe('keep');
  const [row] = await world.rows();
  expect(world.purchases.riskOf('n1')).toBe((row?.deposited_msat ?? 0n) - 6000n);
  expect(await world.faults()).toEqual([]);
});

test('an idle balance comes back, and the books say what it cost', async () => {
  await using world = await buyingWorld({ mint: { inputFeePpk: 100 } });
  await using node = await scriptedNode(world.mint.url);
  const before = world.treasury.freeAt(world.mint.url);
  await buy(world, world.upstream(node.url));

  world.clock.advance(IDLE_MS);
  await settled(world);

  const [row] = await world.rows();
  expect(row).toMatchObject({ state: 'closed', charged_msat: 2000n });
  // The mint took one sat of the node for our token; the treasury paid for the split and for the way back.
  expect(row?.lost_msat).toBe(1000n);
  expect(world.treasury.freeAt(world.mint.url)).toBeGreaterThanOrEqual(before - 2n - 1n - 3n);
  expect(world.purchases.riskOf('n1')).toBe(0n);
  expect(world.seen).toContainEqual({ kind: 'returned', msat: row?.returned_msat });
  expect(await world.faults()).toEqual([]);
});

test('twenty requests at once share the accounts that they need, and none is opened twice', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  const upstream = world.upstream(node.url);

  await Promise.all(Array.from({ length: 20 }, () => buy(world, upstream, requestOf(4))));

  const rows = await world.rows();
  expect(rows.length).toBeLessThanOrEqual(2);
  expect(rows.reduce((sum, row) => sum + row.charged_msat, 0n)).toBe(40_000n);
  expect(await world.faults()).toEqual([]);
});

test.each([false, true])(
  'what a node says of money does not reach the payer (stream: %s)',
  async (stream) => {
    await using world = await buyingWorld();
    await using node = await scriptedNode(world.mint.url);
    const body = Buffer.from(JSON.stringify({ model: 'm', messages: [], stream }));

    const text = await buy(world, world.upstream(node.url), requestOf(5, { body, stream }));

    expect(text).not.toMatch(/cost|msats|routstr|cashu/);
    expect(text).toContain(JSON.stringify(USAGE));
    expect(text).toContain('hello');
    expect((await world.rows())[0]?.charged_msat).toBe(2000n);
  },
);

test('a balance that runs low is followed by another before a request waits for it', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  const upstream = world.upstream(node.url);
  node.costMsat = 20_000;
  await buy(world, upstream, requestOf(20));
  const first = (await world.rows())[0]?.deposited_msat ?? 0n;

  for (let spent = 20_000n; spent < first; spent += 20_000n) {
    await buy(world, upstream, requestOf(20));
    await settled(world);
  }

  await sweepUntil(world, async () => (await world.rows()).length > 1);
  expect((await world.rows()).some(({ state }) => state === 'open')).toBe(true);
  expect(await world.faults()).toEqual([]);
});

test('the same balance serves after a restart', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  await buy(world, world.upstream(node.url));
  await world.restart();

  await buy(world, world.upstream(node.url));

  expect(await world.rows()).toMatchObject([{ state: 'open', charged_msat: 4000n }]);
  expect(new Set(node.chats().map(({ headers }) => headers.authorization)).size).toBe(1);
});

test('what is left with a node that is bought from no more comes back all the same', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  await buy(world, world.upstream(node.url));
  await world.restart();

  world.clock.advance(IDLE_MS);
  await sweepUntil(world, async () => isOver(world));

  expect(await world.rows()).toMatchObject([{ state: 'closed', lost_msat: 0n }]);
  expect(world.treasury.freeAt(world.mint.url)).toBe(998n);
});
