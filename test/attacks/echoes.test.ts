import { getEncodedToken } from '@cashu/cashu-ts';
import { expect, test } from 'vitest';

import { cashuWorld, credentialsFor, pay, payerWallet, receive } from '../support/cashu-world.ts';
import type { CashuWorld } from '../support/cashu-world.ts';

/** Tokens of 32 sat coins of one token: which of them, for each. */
async function cutUp(world: CashuWorld, ...tokens: readonly number[][]): Promise<string[]> {
  const wallet = await payerWallet(world.mint);
  const { proofs } = wallet.decodeToken(world.mint.faucet(96, 'sat', [32, 32, 32]));
  return tokens.map((indices) =>
    getEncodedToken({
      mint: world.mint.url,
      unit: 'sat',
      proofs: indices.flatMap((index) => proofs[index] ?? []),
    }),
  );
}

test('R4: "already spent" as the echo of our own swap, sent twice on its way, loses nothing', async () => {
  await using world = await cashuWorld();
  // A proxy before the mint that repeats a request whose answer it lost.
  world.mint.addFault({
    path: '/v1/swap',
    kind: 'refuse',
    when: 'after',
    status: 400,
    code: 11001,
  });

  const settled = await pay(world, world.mint.faucet(100), 1_000n);

  expect(settled.change?.amountSat).toBe(99n);
  expect(await world.faults()).toEqual([]);
});

test('R4: when a successor hears "already spent" its ancestor, whose answer was lost, is restored first', async () => {
  await using world = await cashuWorld();
  const [ancestor = '', successor = ''] = await cutUp(world, [0, 1], [1, 2]);
  world.mint.addFault({ path: '/v1/swap', kind: 'drop', when: 'after' });
  world.mint.addFault({ path: '/v1/restore', kind: 'drop' });
  await expect(pay(world, ancestor, 1_000n)).rejects.toMatchObject({ status: 503 });

  await expect(pay(world, successor, 1_000n)).rejects.toMatchObject({
    code: 'cashu_token_already_spent',
  });

  const refund = await world.rail.api.refund(credentialsFor(ancestor));
  expect(await receive(world.mint, String(refund.body['token']))).toBe(64n);
  expect(await world.faults()).toEqual([]);
});

test('S10: after {a, b} got 503 {a, c} is served, and {a, b} is then spent', async () => {
  await using world = await cashuWorld();
  const [first = '', second = ''] = await cutUp(world, [0, 1], [0, 2]);
  world.mint.addFault({ path: '/v1/swap', kind: 'refuse', status: 400, code: 0, times: 9 });
  await expect(pay(world, first, 1_000n)).rejects.toMatchObject({ status: 503 });
  world.mint.clearFaults();

  expect((await pay(world, second, 1_000n)).change?.amountSat).toBe(63n);

  await expect(pay(world, first, 1_000n)).rejects.toMatchObject({
    code: 'cashu_token_already_spent',
  });
  expect(await world.faults()).toEqual([]);
});
