import { expect, test } from 'vitest';

import { msatOfSat } from '../../src/lib/amount.ts';
import { all, query } from '../../src/store/operation.ts';
import { cashuWorld, pay, receive } from '../support/cashu-world.ts';

const STRANGER = { address: '10.6.6.6' };

test('P15: a token whose inputs hang at the mint costs it a bounded number of calls a minute', async () => {
  await using world = await cashuWorld();
  const token = world.mint.faucet(100);
  world.mint.addFault({ path: '/v1/swap', kind: 'pending' });
  world.mint.clearCalls();

  const codes: unknown[] = [];
  for (let i = 0; i < 40; i += 1)
    await pay(world, token, 1_000n, STRANGER).catch((error: { code: string }) =>
      codes.push(error.code),
    );

  expect(codes.filter((code) => code === 'cashu_mint_unreachable')).toHaveLength(20);
  expect(codes.filter((code) => code === 'rate_limited')).toHaveLength(20);
  expect(world.mint.callCount()).toBeLessThan(3 * 20);
  const honest = await pay(world, world.mint.faucet(100), 1_000n, { address: '10.0.0.2' });
  expect(honest.change?.amountSat).toBe(99n);
});

test('S12: tokens that come at once do not carry a mint over the cap of its open balances', async () => {
  await using world = await cashuWorld({ maxOpenPerMint: msatOfSat(150n) });
  world.mint.addFault({ path: '/v1/swap', kind: 'delay', ms: 50, times: 10 });
  const tokens = Array.from({ length: 5 }, () => world.mint.faucet(100));

  const ends = await Promise.allSettled(
    tokens.map(async (token) => pay(world, token, 0n, { change: 'keep' })),
  );

  expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  const refused = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
  for (const error of refused)
    expect(error).toMatchObject({ code: 'cashu_mint_limit_reached', status: 503 });
  expect(world.mint.callCount('/v1/swap')).toBe(1);
  const left = ends.findIndex(({ status }) => status === 'rejected');
  expect(await receive(world.mint, tokens[left] ?? '')).toBe(100n);
  expect(await world.faults()).toEqual([]);
});

const KEPT = query<{ body: bigint; inputs: bigint }>(
  `SELECT (SELECT sum(length(body)) FROM operation) AS body, (SELECT count(*) FROM operation_input) AS inputs`,
);

test('T8: once the mint has spoken nothing is kept of the secrets of a token, and little of one that it refused', async () => {
  await using world = await cashuWorld();
  const spent = world.mint.faucet(100);
  await receive(world.mint, spent);
  await expect(pay(world, spent, 1_000n)).rejects.toMatchObject({ status: 400 });

  expect(await world.store.read(() => all(KEPT))).toEqual([{ body: 0n, inputs: 0n }]);

  await pay(world, world.mint.faucet(64, 'sat', [32, 32]), 1_000n);
  expect(await world.store.read(() => all(KEPT))).toEqual([{ body: 0n, inputs: 2n }]);
});
