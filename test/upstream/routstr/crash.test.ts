import { expect, test } from 'vitest';

import { buy, buyingWorld, requestOf, settled, sweepUntil } from './buying-world.ts';
import { scriptedNode } from './scripted-node.ts';

const POINTS = [
  'INSERT INTO node_account',
  `UPDATE node_account SET state = 'open'`,
  'UPDATE node_account SET reserved_msat',
  'UPDATE node_account SET charged_msat',
  `UPDATE node_account SET state = 'draining'`,
  'UPDATE node_account SET change = ?',
  'UPDATE node_account SET returned_msat',
  'UPDATE node_account SET state = ?',
] as const;

test.each(
  (['balance', 'request'] as const).flatMap((kind) =>
    POINTS.flatMap((statement) =>
      (['at', 'after'] as const).map((when) => [kind, when, statement] as const),
    ),
  ),
)('no sat is lost or made by a crash: %s, %s %s', async (kind, when, statement) => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  world.dieAt({ when, statement });
  const upstream = world.upstream(node.url, { buy: kind });
  await buy(world, upstream, requestOf(5, { firstByteTimeoutMs: 500 })).catch(() => undefined);
  world.clock.advance(601_000);
  await settled(world);

  await world.kill();
  world.clock.advance(601_000);
  // What is at risk falls when the account is looked at, also where its change was booked with nobody waiting.
  await sweepUntil(world, async () => world.purchases.riskOf('n1') === 0n);

  expect(await world.faults()).toEqual([]);
  expect((await world.rows()).filter(({ state }) => state !== 'closed')).toEqual([]);
  const free = world.treasury.freeAt(world.mint.url);
  expect(free + BigInt(node.till.worth())).toBe(1000n);
  expect(free).toBeGreaterThanOrEqual(998n);
});
