import { getDecodedToken, getEncodedToken } from '@cashu/cashu-ts';
import { expect, test } from 'vitest';

import { msat } from '../../../src/lib/amount.ts';
import { createCancel } from '../../../src/lib/cancel.ts';
import {
  accept,
  cashuWorld,
  credentialsFor,
  pay,
  payerWallet,
  quoteOf,
  receive,
} from '../../support/cashu-world.ts';

const END = { payerGone: false, error: undefined };
const FEE = { mint: { inputFeePpk: 100 } };

test('a first request is held after one swap, and its change is exact to the sat', async () => {
  await using world = await cashuWorld(FEE);
  const token = world.mint.faucet(1000);

  const settled = await pay(world, token, 2300n);

  expect(settled.charge).toBe(2300n);
  // 1000 - 1 fee - 2.3 = 996.7: 996 leave, 0.7 stay as dust.
  expect(settled.change?.amountSat).toBe(996n);
  expect(settled.balance).toBe(700n);
  expect(world.mint.callCount('/v1/swap')).toBe(1);
  expect(await receive(world.mint, settled.change?.token ?? '')).toBe(995n);
  expect(await world.faults()).toEqual([]);
});

test('twenty parallel requests share one swap, and the last one carries the change', async () => {
  await using world = await cashuWorld();
  const token = world.mint.faucet(1000);

  const settled = await Promise.all(
    Array.from({ length: 20 }, () => pay(world, token, 1111n, { hold: 20_000n })),
  );

  const changes = settled.flatMap((settlement) => settlement.change ?? []);
  expect(changes).toHaveLength(1);
  expect(changes[0]?.amountSat).toBe(977n);
  expect(world.mint.callCount('/v1/swap')).toBe(1);
  expect(await world.faults()).toEqual([]);
});

test('parallel requests that need more than the token has wait for one to settle', async () => {
  await using world = await cashuWorld();
  const token = world.mint.faucet(100);
  const quote = quoteOf(60_000n, { modest: 9_000n, floor: 9_000n });

  const settled = await Promise.all(
    Array.from({ length: 10 }, () => pay(world, token, 9_000n, { quote })),
  );

  const charged = settled.reduce((sum, { charge }) => sum + charge, 0n);
  expect(charged).toBe(90_000n);
  expect(settled.filter(({ change }) => change !== undefined)).toHaveLength(1);
  expect(await world.faults()).toEqual([]);
});

test('who waits while nobody runs is told that the money is gone, not to wait', async () => {
  await using world = await cashuWorld();
  const token = world.mint.faucet(100);

  const settled = await Promise.allSettled(
    Array.from({ length: 10 }, () => pay(world, token, 30_000n, { hold: 60_000n })),
  );

  const codes = settled.flatMap((end) => (end.status === 'rejected' ? end.reason.code : []));
  expect(settled.filter((end) => end.status === 'fulfilled')).toHaveLength(2);
  expect(new Set(codes)).toEqual(new Set(['insufficient_balance']));
  expect(await world.faults()).toEqual([]);
});

test('a request that its token cannot pay is refused before anything is taken', async () => {
  await using world = await cashuWorld();
  const token = world.mint.faucet(10);

  await expect(pay(world, token, 1n, { hold: 11_000n })).rejects.toMatchObject({
    code: 'insufficient_balance',
    status: 402,
  });

  expect(world.mint.callCount('/v1/swap')).toBe(0);
  expect(await receive(world.mint, token)).toBe(10n);
});

test('the prompt is counted exactly only where the free bound does not fit', async () => {
  await using world = await cashuWorld();
  const token = world.mint.faucet(100);
  const exact = quoteOf(30_000n, { floor: 5_000n });
  let counted = 0;
  const bound = {
    ...quoteOf(200_000n),
    refine: () => {
      counted += 1;
      return Promise.resolve(exact);
    },
  };

  const payment = await accept(world, token, bound);

  expect(counted).toBe(1);
  expect(payment.held).toBe(30_000n);
  await payment.settle({ charge: msat(0n), ...END });
});

test('what a token affords caps the output: half for a lone request, never below 1,024 tokens of it', async () => {
  await using world = await cashuWorld();
  const big = await accept(
    world,
    world.mint.faucet(100),
    quoteOf(500_000n, { modest: 10_000n, floor: 1_000n }),
  );
  const small = await accept(
    world,
    world.mint.faucet(100),
    quoteOf(500_000n, { modest: 80_000n, floor: 1_000n }),
  );

  expect([big.held, big.maxOutputTokens]).toEqual([50_000n, 50]);
  expect([small.held, small.maxOutputTokens]).toEqual([80_000n, 80]);
  await big.settle({ charge: msat(0n), ...END });
  await small.settle({ charge: msat(0n), ...END });
});

test('a spent token is refused as spent, and repeats make no call to the mint', async () => {
  await using world = await cashuWorld();
  const token = world.mint.faucet(100);
  await receive(world.mint, token);
  world.mint.clearCalls();

  for (let i = 0; i < 5; i += 1)
    await expect(pay(world, token, 1n)).rejects.toMatchObject({
      code: 'cashu_token_already_spent',
      status: 400,
    });

  expect(world.mint.callCount('/v1/swap')).toBe(1);
  expect(await world.faults()).toEqual([]);
});

test('an unequal overlap with a redeemed token is refused without a call to the mint', async () => {
  await using world = await cashuWorld();
  const token = world.mint.faucet(12, 'sat', [8, 4]);
  const payer = await payerWallet(world.mint);
  const decoded = getDecodedToken(token, payer.keyChain.getAllKeysetIds());
  await pay(world, token, 1n, { hold: 2_000n });
  world.mint.clearCalls();

  const part = getEncodedToken({ ...decoded, proofs: decoded.proofs.slice(0, 1) });
  await expect(pay(world, part, 1n, { hold: 2_000n })).rejects.toMatchObject({ status: 400 });

  expect(world.mint.callCount()).toBe(0);
});

test('a payer that leaves before the swap is sent keeps its token', async () => {
  await using world = await cashuWorld();
  const token = world.mint.faucet(100);
  const gone = createCancel();
  gone.cancel();

  await expect(accept(world, token, quoteOf(1000n), { gone })).rejects.toMatchObject({
    code: 'payer_gone',
  });

  expect(world.mint.callCount('/v1/swap')).toBe(0);
  expect(await receive(world.mint, token)).toBe(100n);
});

test('when the payer is gone nothing is cut, and the refund call gives the rest', async () => {
  await using world = await cashuWorld();
  const token = world.mint.faucet(100);

  const settled = await pay(world, token, 5_000n, { end: { payerGone: true } });
  const refund = await world.rail.api.refund(credentialsFor(token));

  expect(settled.change).toBeUndefined();
  expect(refund.body['sats']).toBe('95');
  expect(await receive(world.mint, String(refund.body['token']))).toBe(95n);
});

test('an error that SDKs resend cuts nothing for a Bearer key; an X-Cashu payer has its change with the error', async () => {
  await using world = await cashuWorld();
  const bearer = world.mint.faucet(100);
  const header = world.mint.faucet(100);
  const end = { error: 'upstream_unavailable' } as const;

  const kept = await pay(world, bearer, 0n, { end });
  const given = await pay(world, header, 0n, { end, scheme: 'x-cashu' });

  expect(kept.change).toBeUndefined();
  expect(given.change?.amountSat).toBe(100n);
  const again = await pay(world, bearer, 1_000n);
  expect(again.change?.amountSat).toBe(99n);
  expect(world.mint.callCount('/v1/swap')).toBe(2);
});

test('a mint that is configured but silent costs only its own payers; the token works once it answers', async () => {
  await using world = await cashuWorld();
  const token = world.mint.faucet(100);
  world.mint.addFault({ path: '/v1/swap', kind: 'drop', when: 'before' });
  world.mint.addFault({ path: '/v1/restore', kind: 'drop', times: 3 });
  world.mint.addFault({ path: '/v1/checkstate', kind: 'drop', times: 3 });

  await expect(pay(world, token, 1_000n)).rejects.toMatchObject({
    code: 'cashu_mint_unreachable',
    status: 503,
  });
  world.mint.clearFaults();

  const settled = await pay(world, token, 1_000n);
  expect(settled.change?.amountSat).toBe(99n);
  expect(await world.faults()).toEqual([]);
});

test('S2: after a 503 nothing is sent to the mint until the token is presented again', async () => {
  await using world = await cashuWorld();
  const token = world.mint.faucet(100);
  world.mint.addFault({ path: '/v1/swap', kind: 'drop', when: 'before', times: 100 });
  await expect(pay(world, token, 1_000n)).rejects.toMatchObject({ status: 503 });
  world.mint.clearFaults();
  const sent = world.mint.callCount('/v1/swap');

  await new Promise((resolve) => {
    setTimeout(resolve, 2_500);
  });

  expect(world.mint.callCount('/v1/swap')).toBe(sent);
  expect(await receive(world.mint, token)).toBe(100n);
  await expect(pay(world, token, 1_000n)).rejects.toMatchObject({
    code: 'cashu_token_already_spent',
  });
  expect(await world.faults()).toEqual([]);
});

test('a swap whose answer was lost is restored at once: the payer notices nothing', async () => {
  await using world = await cashuWorld();
  const token = world.mint.faucet(100);
  world.mint.addFault({ path: '/v1/swap', kind: 'drop', when: 'after' });

  const settled = await pay(world, token, 1_000n);

  expect(settled.change?.amountSat).toBe(99n);
  expect(await world.faults()).toEqual([]);
});

test('a mint error that says nothing (code 0, 50000) is resolved, and the same bytes are sent again', async () => {
  await using world = await cashuWorld();
  for (const code of [0, 50_000]) {
    world.mint.addFault({ path: '/v1/swap', kind: 'refuse', status: 400, code });
    const settled = await pay(world, world.mint.faucet(100), 1_000n);
    expect(settled.change?.amountSat).toBe(99n);
  }
  expect(await world.faults()).toEqual([]);
});

test('S2: nothing is sent again for a payer that left meanwhile', async () => {
  await using world = await cashuWorld();
  const token = world.mint.faucet(100);
  const gone = createCancel();
  world.mint.addFault({ path: '/v1/swap', kind: 'drop', times: 9 });
  world.mint.addFault({ path: '/v1/restore', kind: 'delay', ms: 150, times: 9 });

  const leaving = accept(world, token, quoteOf(1000n), { gone });
  await expect.poll(() => world.mint.callCount('/v1/restore')).toBe(1);
  gone.cancel();
  await expect(leaving).rejects.toMatchObject({ code: 'payer_gone' });
  await world.restart();
  world.mint.clearFaults();

  expect(world.mint.callCount('/v1/swap')).toBe(1);
  expect(await receive(world.mint, token)).toBe(100n);
});

test('change fits after all the requests that came with the token, not only after the first', async () => {
  await using world = await cashuWorld();
  const token = world.mint.faucet(1000);

  const settled = await Promise.all(
    Array.from({ length: 20 }, () => pay(world, token, 2_300n, { hold: 20_000n })),
  );

  const left = await world.rail.api.refund(credentialsFor(token));
  const given = settled.flatMap(({ change }) => change ?? []);
  expect(given.length).toBeLessThanOrEqual(1);
  expect(left.body['sats']).toBe('954');
  expect(await world.faults()).toEqual([]);
});
