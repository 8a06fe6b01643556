import { expect, test } from 'vitest';

import { cashuWorld, credentialsFor, pay, receive } from '../../support/cashu-world.ts';
import { createSimulatedClock } from '../../support/clock.ts';

const FEE = { mint: { inputFeePpk: 100 } };

test('a static key costs two swaps; from the third use on no mint is called', async () => {
  await using world = await cashuWorld(FEE);
  const key = world.mint.faucet(1000);

  const first = await pay(world, key, 2_300n);
  const second = await pay(world, key, 2_300n);
  world.mint.clearCalls();
  for (let i = 0; i < 8; i += 1) {
    const settled = await pay(world, key, 2_300n);
    expect(settled.change).toBeUndefined();
  }

  expect(first.change?.amountSat).toBe(996n);
  expect(second.change).toBeUndefined();
  expect(world.mint.callCount()).toBe(0);
  // 1000 - fee 1 - 2.3 = 996.7; all 996 taken back cost a fee of 1: 995.7; nine more at 2.3: 975.
  const info = await world.rail.api.info(credentialsFor(key));
  expect(info['balance']).toBe(975_000);
  const refund = await world.rail.api.refund(credentialsFor(key));
  expect(Number(refund.body['sats'])).toBeGreaterThanOrEqual(974);
  expect(await world.faults()).toEqual([]);
});

test('the refund call gives the same token again until all of it is spent, then 410', async () => {
  await using world = await cashuWorld();
  const key = world.mint.faucet(100);
  const settled = await pay(world, key, 1_000n);

  const once = await world.rail.api.refund(credentialsFor(key));
  const twice = await world.rail.api.refund(credentialsFor(key));
  await receive(world.mint, String(once.body['token']));

  expect(once.body['token']).toBe(settled.change?.token);
  expect(twice.body['token']).toBe(settled.change?.token);
  await expect(world.rail.api.refund(credentialsFor(key))).rejects.toMatchObject({ status: 410 });
});

test('a key whose change was spent elsewhere is refused for good, and nothing changes hands', async () => {
  await using world = await cashuWorld();
  const key = world.mint.faucet(100);
  const settled = await pay(world, key, 1_000n);
  await receive(world.mint, settled.change?.token ?? '');

  await expect(pay(world, key, 1_000n)).rejects.toMatchObject({
    code: 'change_spent',
    status: 402,
  });
  world.mint.clearCalls();
  await expect(pay(world, key, 1_000n)).rejects.toMatchObject({ code: 'change_spent' });

  expect(world.mint.callCount()).toBe(0);
  expect(await world.faults()).toEqual([]);
});

test('change that would no longer serve the request is not taken back', async () => {
  await using world = await cashuWorld(FEE);
  const key = world.mint.faucet(20);
  await pay(world, key, 10_000n, { hold: 10_000n });
  world.mint.clearCalls();

  await expect(pay(world, key, 1n, { hold: 9_000n })).rejects.toMatchObject({
    code: 'insufficient_balance',
  });

  expect(world.mint.callCount()).toBe(0);
});

test('change is taken back at most once a minute', async () => {
  const clock = createSimulatedClock();
  await using world = await cashuWorld({ clock });
  const key = world.mint.faucet(100);
  await pay(world, key, 1_000n);
  await pay(world, key, 1_000n);
  await world.rail.api.refund(credentialsFor(key));

  await expect(pay(world, key, 1_000n)).rejects.toMatchObject({ code: 'rate_limited' });
  clock.advance(61_000);
  const settled = await pay(world, key, 1_000n);

  expect(settled.charge).toBe(1_000n);
  expect(await world.faults()).toEqual([]);
});

test('X-Cashu-Change: keep leaves everything on the account from the first request on', async () => {
  await using world = await cashuWorld();
  const key = world.mint.faucet(100);

  const first = await pay(world, key, 1_000n, { change: 'keep' });
  const second = await pay(world, key, 1_000n, { change: 'keep' });

  expect([first.change, second.change]).toEqual([undefined, undefined]);
  expect(second.balance).toBe(98_000n);
  expect(world.mint.callCount('/v1/swap')).toBe(1);
});

test('a token-mode account is never taken back: presented again it gets 402 with the refund URL', async () => {
  await using world = await cashuWorld();
  const token = world.mint.faucet(100);
  await pay(world, token, 1_000n, { scheme: 'x-cashu' });

  for (const scheme of ['x-cashu', 'bearer'] as const)
    await expect(pay(world, token, 1_000n, { scheme })).rejects.toMatchObject({
      code: 'change_outstanding',
      status: 402,
      fields: { refund_url: '/v1/wallet/refund' },
    });
});

test('a token never presented is described, not redeemed', async () => {
  await using world = await cashuWorld(FEE);
  const token = world.mint.faucet(100);
  world.mint.clearCalls();

  const info = await world.rail.api.info(credentialsFor(token));

  expect(info).toMatchObject({ balance: 99_000, presented: false });
  expect(world.mint.callCount()).toBe(0);
  await expect(world.rail.api.refund(credentialsFor(token))).rejects.toMatchObject({ status: 404 });
});

test('a refund that its coins cannot make swaps one coin at the account’s expense', async () => {
  await using world = await cashuWorld(FEE);
  const key = world.mint.faucet(1000);
  await pay(world, key, 0n, { change: 'keep', hold: 3_000n });
  await pay(world, key, 333_333n, { change: 'keep', hold: 400_000n });
  world.mint.clearCalls();

  const refund = await world.rail.api.refund(credentialsFor(key));

  // 999 - 333.333 = 665.667; the swap's fee of 1 is the account's.
  expect(refund.body['sats']).toBe('664');
  expect(world.mint.callCount('/v1/swap')).toBe(1);
  expect(await receive(world.mint, String(refund.body['token']))).toBeGreaterThanOrEqual(662n);
  expect(await world.faults()).toEqual([]);
});

test('S8: change that an X-Cashu request of a Bearer key was given is not taken back by the key', async () => {
  await using world = await cashuWorld();
  const key = world.mint.faucet(100);
  await pay(world, key, 1_000n, { end: { payerGone: true } });
  const given = await pay(world, key, 1_000n, { scheme: 'x-cashu' });

  await expect(pay(world, key, 1_000n)).rejects.toMatchObject({ code: 'change_outstanding' });
  expect(await receive(world.mint, given.change?.token ?? '')).toBe(98n);
});
