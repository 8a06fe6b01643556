import { expect, test } from 'vitest';

import { msat } from '../../../src/lib/amount.ts';
import { createAsks } from '../../../src/upstream/routstr/asks.ts';
import { buy, buyingWorld, requestOf } from './buying-world.ts';
import { json, scriptedNode } from './scripted-node.ts';

test('of a smaller request the same part is asked, of a larger one no less, until the node tells more', () => {
  const asks = createAsks();
  const asked = (maxCost: bigint): bigint => asks.of('m', msat(maxCost));
  expect(asked(10n)).toBe(10n);

  asks.learn('m', msat(1000n), 1200n);
  expect([1000n, 1100n, 5000n, 10n, 1n, 0n].map(asked)).toEqual([1200n, 1200n, 5000n, 12n, 2n, 0n]);

  asks.learn('m', msat(10n), 1200n);
  expect([5n, 10n, 1000n].map(asked)).toEqual([600n, 1200n, 1200n]);
  asks.learn('free', msat(0n), 50n);
  expect(asks.of('free', msat(0n))).toBe(50n);
});

test('what a node wanted to see for a large request is not kept back for every small one after it', async () => {
  await using world = await buyingWorld({ fundSat: 2000 });
  await using node = await scriptedNode(world.mint.url);
  world.capSat = 1000n;
  node.chat = async (response, { headers, body }) => {
    const needed = body.includes('large') ? 400_000 : 7000;
    const account = await node.till.open(headers.authorization?.replace('Bearer ', '') ?? '');
    if ((account?.balanceMsat ?? 0) >= needed) return false;
    const message = `Insufficient balance: ${needed} mSats required. 0 available.`;
    const error = { message, type: 'insufficient_quota', code: 'insufficient_balance' };
    json(response, 402, { error });
    return true;
  };
  const upstream = world.upstream(node.url);
  const large = requestOf(200, { body: Buffer.from('{"model":"m","messages":["large"]}') });
  expect(await buy(world, upstream, large)).toContain('hello');

  world.capSat = 450n;
  const small = Array.from({ length: 4 }, async () => buy(world, upstream, requestOf(5)));

  expect(await Promise.all(small)).toHaveLength(4);
});
