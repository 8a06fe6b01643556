import { expect, test } from 'vitest';

import { cashuWorld, credentialsFor, pay, receive } from '../support/cashu-world.ts';
import { createSimulatedClock } from '../support/clock.ts';

test.each([
  ['X-Cashu', { scheme: 'x-cashu' }],
  ['a Bearer key with X-Cashu-Change: token', { change: 'token' }],
] as const)(
  'S8: whoever else has a token cannot take back the change that was delivered for it (%s)',
  async (_, paid) => {
    await using world = await cashuWorld();
    const token = world.mint.faucet(100);
    const first = await pay(world, token, 1_000n, paid);

    for (const change of [undefined, 'keep', 'token'])
      await expect(
        pay(world, token, 1_000n, change === undefined ? {} : { change }),
      ).rejects.toMatchObject({ code: 'change_outstanding', status: 402 });

    expect(await receive(world.mint, first.change?.token ?? '')).toBe(99n);
  },
);

test('S6: change that was spent elsewhere is remembered for good, over a restart and any time', async () => {
  const clock = createSimulatedClock();
  await using world = await cashuWorld({ clock });
  const key = world.mint.faucet(100);
  const first = await pay(world, key, 1_000n);
  await receive(world.mint, first.change?.token ?? '');
  await expect(pay(world, key, 1_000n)).rejects.toMatchObject({ code: 'change_spent' });
  await world.restart();
  clock.advance(24 * 3_600_000);
  world.mint.clearCalls();

  await expect(pay(world, key, 1_000n)).rejects.toMatchObject({ code: 'change_spent' });

  expect(world.mint.callCount('/v1/swap')).toBe(0);
});

test('S7: a hundred rounds of refund and request in a minute cost the mint one swap, and leave others working', async () => {
  const clock = createSimulatedClock();
  await using world = await cashuWorld({ clock });
  const key = world.mint.faucet(100);
  await pay(world, key, 1_000n);
  world.mint.clearCalls();

  for (let round = 0; round < 100; round += 1) {
    await pay(world, key, 1_000n).catch(() => undefined);
    await world.rail.api.refund(credentialsFor(key)).catch(() => undefined);
  }

  expect(world.mint.callCount('/v1/swap')).toBe(1);
  // Looks at the state of the change, and the swap, are counted together for each address.
  expect(world.mint.callCount()).toBeLessThanOrEqual(60);
  const honest = await pay(world, world.mint.faucet(100), 1_000n, { address: '10.0.0.2' });
  expect(honest.change?.amountSat).toBe(99n);
});

test.each(['reclaim', 'refund'] as const)(
  'R9: after its mint changed keysets a %s fails once, and then asks for coins of the new one',
  async (what) => {
    const clock = createSimulatedClock();
    await using world = await cashuWorld({ clock });
    const key = world.mint.faucet(1000);
    if (what === 'reclaim') await pay(world, key, 1_000n);
    else {
      await pay(world, key, 0n, { change: 'keep', hold: 3_000n });
      await pay(world, key, 333_333n, { change: 'keep', hold: 400_000n });
    }
    clock.advance(60_000);
    world.mint.rotate();
    const attempt = async (): Promise<unknown> =>
      what === 'reclaim' ? pay(world, key, 1_000n) : world.rail.api.refund(credentialsFor(key));

    await expect(attempt()).rejects.toMatchObject({ status: 503 });
    await expect.poll(async () => attempt().catch(() => undefined)).toBeDefined();
    expect(await world.faults()).toEqual([]);
  },
);

test('S12: a mint that is away for ten minutes buys no inference, not even from a balance that is here', async () => {
  const clock = createSimulatedClock();
  await using world = await cashuWorld({ clock });
  const key = world.mint.faucet(100);
  await pay(world, key, 1_000n, { change: 'keep' });
  world.mint.addFault({ path: '*', kind: 'drop', times: 100 });
  for (let i = 0; i < 5; i += 1)
    await pay(world, world.mint.faucet(8), 1_000n, { hold: 1_000n }).catch(() => undefined);
  expect((await pay(world, key, 1_000n, { change: 'keep' })).charge).toBe(1_000n);

  clock.advance(11 * 60_000);

  await expect(pay(world, key, 1_000n, { change: 'keep' })).rejects.toMatchObject({
    code: 'cashu_mint_unreachable',
    status: 503,
  });
});
