import { expect, test } from 'vitest';

import { cashuWorld, pay, receive } from '../support/cashu-world.ts';

test('what is left of settled accounts is the treasury: in = charges + dust, to the sat', async () => {
  await using world = await cashuWorld();
  for (let i = 0; i < 3; i += 1) await pay(world, world.mint.faucet(100), 2_300n);

  const [own] = await world.treasury.balance();

  // Three times 100 - 97: 2.3 earned and 0.7 owed.
  expect(own?.sat).toBe(9n);
  expect(await world.faults()).toEqual([]);
});

test('a hundred small coins become few, if the mint takes no more than one percent', async () => {
  await using world = await cashuWorld({ mint: { inputFeePpk: 10 } });
  for (let i = 0; i < 30; i += 1) await world.treasury.receive(world.mint.faucet(31));
  const before = (await world.treasury.balance())[0];

  const swaps = await world.treasury.consolidate();
  const again = await world.treasury.consolidate();
  const after = (await world.treasury.balance())[0];

  expect([swaps, again]).toEqual([1, 0]);
  expect(before?.coins).toBeGreaterThan(100n);
  expect(after?.coins).toBeLessThan(60n);
  expect((before?.sat ?? 0n) - (after?.sat ?? 0n)).toBe(1n);
  expect(await world.faults()).toEqual([]);
});

test('some coins of each amount stay: payments need no split after it', async () => {
  await using world = await cashuWorld({ mint: { inputFeePpk: 10 } });
  for (let i = 0; i < 30; i += 1) await world.treasury.receive(world.mint.faucet(31));
  await world.treasury.consolidate();
  world.mint.clearCalls();

  const order = { mintUrl: world.mint.url, sat: 30n, node: 'n1', *record() {} };
  for (let i = 0; i < 4; i += 1) await world.treasury.spend(order);

  expect(world.mint.callCount('/v1/swap')).toBe(0);
  expect(await world.faults()).toEqual([]);
});

test('coins too small for their fee are left alone', async () => {
  await using world = await cashuWorld({ mint: { inputFeePpk: 900 } });
  for (let i = 0; i < 4; i += 1)
    await world.treasury.receive(world.mint.faucet(640, 'sat', Array(10).fill(64)));
  expect(await world.treasury.consolidate()).toBe(0);
});

test('the treasury sends what it has, exactly, and not what payers are owed', async () => {
  await using world = await cashuWorld();
  await pay(world, world.mint.faucet(100), 10_000n, { change: 'keep' });
  await pay(world, world.mint.faucet(100), 10_000n);

  await expect(world.treasury.send(11n, undefined)).rejects.toMatchObject({
    code: 'insufficient_balance',
  });
  const token = await world.treasury.send(7n, undefined);

  expect(await receive(world.mint, token)).toBe(7n);
  expect(await world.faults()).toEqual([]);
});
