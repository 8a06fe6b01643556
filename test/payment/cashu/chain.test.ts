import { getDecodedToken, getEncodedToken } from '@cashu/cashu-ts';
import { expect, test } from 'vitest';

import { account } from '../../../src/ledger/accounts.ts';
import { msat } from '../../../src/lib/amount.ts';
import {
  accept,
  cashuWorld,
  credentialsFor,
  pay,
  payerWallet,
  quoteOf,
  receive,
} from '../../support/cashu-world.ts';
import type { CashuWorld } from '../../support/cashu-world.ts';

/** Charges, fees, change and dust of a chain of requests, each paid with the change before. */
async function chain(world: CashuWorld, first: string, length: number, charge: bigint) {
  let token = first;
  let last = await pay(world, token, charge, { scheme: 'x-cashu' });
  for (let i = 1; i < length; i += 1) {
    token = last.change?.token ?? '';
    last = await pay(world, token, charge, { scheme: i % 2 === 0 ? 'x-cashu' : 'bearer' });
  }
  return { last, token };
}

test.each([0, 100])(
  'a chain of twenty: charges + fees + change + dust = first token, to the msat (%i ppk)',
  async (inputFeePpk) => {
    await using world = await cashuWorld({ mint: { inputFeePpk } });
    const first = world.mint.faucet(1000);

    const { last } = await chain(world, first, 20, 2_300n);

    const change = last.change?.amountSat ?? 0n;
    const dust = last.balance ?? 0n;
    const fees = 1000n * 1000n - 20n * 2_300n - change * 1000n - dust;
    // Each hop redeems a token: NUT-02 rounds its fee up to whole sat.
    expect(fees).toBe(BigInt(world.mint.books().fees) * 1000n);
    expect(inputFeePpk === 0 ? fees : fees % 1000n).toBe(0n);
    expect(dust).toBeLessThan(1000n);
    const received = await receive(world.mint, last.change?.token ?? '');
    expect(received).toBeGreaterThan(900n);
    expect(world.mint.callCount('/v1/swap')).toBe(21);
    expect(await world.faults()).toEqual([]);
  },
);

test('dust moves once, to the account that presents all of the change', async () => {
  await using world = await cashuWorld();
  const first = await pay(world, world.mint.faucet(100), 1_300n);

  const second = await pay(world, first.change?.token ?? '', 1_300n, { scheme: 'x-cashu' });

  // 100 - 1.3 = 98.7; the 0.7 come along: 98.7 - 1.3 = 97.4.
  expect(second.change?.amountSat).toBe(97n);
  expect(second.balance).toBe(400n);
});

test('part of a change, or change mixed with other coins, is an ordinary token; dust follows only the whole', async () => {
  await using world = await cashuWorld();
  const first = await pay(world, world.mint.faucet(100), 1_300n);
  const payer = await payerWallet(world.mint);
  const ids = payer.keyChain.getAllKeysetIds();
  const decoded = getDecodedToken(first.change?.token ?? '', ids);
  const other = getDecodedToken(world.mint.faucet(64), ids);
  const [one, ...rest] = decoded.proofs;
  if (one === undefined) throw new Error('no coin');

  const mixed = getEncodedToken({ ...decoded, proofs: [one, ...other.proofs] });
  const part = getEncodedToken({ ...decoded, proofs: rest });
  const a = await pay(world, mixed, 0n, { hold: 1_000n, scheme: 'x-cashu' });
  const b = await pay(world, part, 0n, { hold: 1_000n, scheme: 'x-cashu' });

  expect((a.change?.amountSat ?? 0n) + (b.change?.amountSat ?? 0n)).toBe(64n + 98n);
  expect([a.balance, b.balance]).toEqual([0n, 0n]);
  expect(await world.faults()).toEqual([]);
});

test('S5: change presented, taken back and refunded at once: one of them gets it, nobody gains', async () => {
  await using world = await cashuWorld();
  for (let round = 0; round < 12; round += 1) {
    const key = world.mint.faucet(100);
    const first = await pay(world, key, 1_300n);
    const change = first.change?.token ?? '';

    const ends = await Promise.allSettled([
      pay(world, change, 1_000n, { scheme: 'x-cashu' }),
      pay(world, key, 1_000n),
      world.rail.api.refund(credentialsFor(key)),
    ]);

    const [presented, reclaimed] = ends;
    const served = [presented, reclaimed].filter((end) => end.status === 'fulfilled');
    expect(served).toHaveLength(1);
    expect(await world.faults()).toEqual([]);
  }
});

test('P1: in 1,000 races for the same coins, service + what attackers hold never exceeds what they paid', async () => {
  await using world = await cashuWorld();
  let paid = 0n;
  let served = 0n;
  let held = 0n;
  for (let round = 0; round < 250; round += 1) {
    const token = world.mint.faucet(64);
    paid += 64_000n;
    const ends = await Promise.allSettled([
      pay(world, token, 2_000n),
      pay(world, token, 2_000n, { scheme: 'x-cashu' }),
      receive(world.mint, token),
      pay(world, token, 2_000n),
    ]);
    for (const [index, end] of ends.entries()) {
      if (end.status !== 'fulfilled') continue;
      if (index === 2) held += (end.value as bigint) * 1000n;
      else served += 2_000n;
    }
    const refund = await world.rail.api.refund(credentialsFor(token)).catch(() => undefined);
    if (refund !== undefined) held += BigInt(String(refund.body['sats'])) * 1000n;
  }
  expect(served + held).toBeLessThanOrEqual(paid);
  expect(await world.faults()).toEqual([]);
}, 60_000);

test('after a crash a running request is charged what its lease metered, and the rest can be fetched', async () => {
  await using world = await cashuWorld();
  const token = world.mint.faucet(100);
  const payment = await accept(world, token, quoteOf(20_000n));
  payment.meter(msat(7_500n));
  await new Promise((resolve) => {
    setTimeout(resolve, 1_800);
  });

  await world.restart();

  const refund = await world.rail.api.refund(credentialsFor(token));
  expect(refund.body['sats']).toBe('92');
  expect(await receive(world.mint, String(refund.body['token']))).toBe(92n);
  expect(await world.faults()).toEqual([]);
});

test('R4: a swap that landed after its payer was told 503 is found, and its value is on the account', async () => {
  await using world = await cashuWorld();
  const token = world.mint.faucet(100);
  world.mint.addFault({ path: '/v1/swap', kind: 'drop', when: 'after', times: 9 });
  world.mint.addFault({ path: '/v1/restore', kind: 'refuse', status: 500, times: 2 });
  world.mint.addFault({ path: '/v1/checkstate', kind: 'refuse', status: 500, times: 2 });
  await expect(pay(world, token, 1_000n)).rejects.toMatchObject({ status: 503 });
  world.mint.clearFaults();
  await world.restart();
  await new Promise((resolve) => {
    setTimeout(resolve, 1_500);
  });

  const rows = await world.rail.api.info(credentialsFor(token));
  const refund = await world.rail.api.refund(credentialsFor(token));

  expect(rows['balance']).toBe(100_000);
  expect(await receive(world.mint, String(refund.body['token']))).toBe(100n);
  expect(await world.store.read(() => account('nobody'))).toBeUndefined();
  expect(await world.faults()).toEqual([]);
});
