import { setTimeout as sleep } from 'node:timers/promises';

import { getEncodedToken } from '@cashu/cashu-ts';
import { expect, test } from 'vitest';

import {
  cashuWorld,
  credentialsFor,
  pay,
  payerWallet,
  receive,
} from '../../support/cashu-world.ts';
import type { CashuWorld } from '../../support/cashu-world.ts';

/** Tokens {first, shared} and {second, shared}, and one of the shared coin alone. */
async function overlapping(world: CashuWorld): Promise<readonly [string, string, string]> {
  const wallet = await payerWallet(world.mint);
  const { proofs } = wallet.decodeToken(world.mint.faucet(96, 'sat', [32, 32, 32]));
  const tokenOf = (...indices: number[]): string =>
    getEncodedToken({
      mint: world.mint.url,
      unit: 'sat',
      proofs: indices.flatMap((index) => proofs[index] ?? []),
    });
  return [tokenOf(0, 2), tokenOf(1, 2), tokenOf(2)];
}

/** The mint answers swaps with a catch-all error and does nothing, more often than a request tries. */
async function presentInVain(world: CashuWorld, token: string): Promise<void> {
  world.mint.addFault({ path: '/v1/swap', kind: 'refuse', status: 400, code: 0, times: 100 });
  await expect(pay(world, token, 1_000n)).rejects.toMatchObject({ status: 503 });
  world.mint.clearFaults();
}

async function refundStatus(world: CashuWorld, token: string): Promise<number> {
  try {
    return (await world.rail.api.refund(credentialsFor(token))).status;
  } catch (error) {
    return (error as { status: number }).status;
  }
}

test('two open swaps of one coin that was spent elsewhere are both given up, without waiting for each other', async () => {
  await using world = await cashuWorld();
  const [first, second, shared] = await overlapping(world);
  await presentInVain(world, first);
  await presentInVain(world, second);
  await receive(world.mint, shared);

  await expect
    .poll(async () => [await refundStatus(world, first), await refundStatus(world, second)], {
      timeout: 15_000,
    })
    .toEqual([404, 404]);

  expect(await world.faults()).toEqual([]);
});

test('a token that comes again while its swap is just being looked at is sent again all the same', async () => {
  await using world = await cashuWorld();
  const [token] = await overlapping(world);
  await presentInVain(world, token);
  world.mint.addFault({ path: '/v1/restore', kind: 'delay', ms: 1_000 });
  const looked = refundStatus(world, token);
  await expect.poll(() => world.mint.callCount('/v1/restore')).toBeGreaterThan(1);
  await sleep(50);

  const settled = await pay(world, token, 1_000n);

  expect(settled.charge).toBe(1_000n);
  expect([425, 200]).toContain(await looked);
  expect(await world.faults()).toEqual([]);
});
