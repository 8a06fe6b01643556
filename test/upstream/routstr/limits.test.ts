import fc from 'fast-check';
import { expect, test } from 'vitest';

import { msat, ZERO_MSAT } from '../../../src/lib/amount.ts';
import { createCancel } from '../../../src/lib/cancel.ts';
import { UpstreamFailure } from '../../../src/upstream/upstream.ts';
import { buy, buyingWorld, requestOf, settled } from './buying-world.ts';
import { json, scriptedNode } from './scripted-node.ts';

const refused = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'it was sent',
    (error: unknown) =>
      error instanceof UpstreamFailure ? `${error.kind}: ${error.message}` : error,
  );

test('nothing is given beyond the cap, and nothing is sent', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  const upstream = world.upstream(node.url);
  world.capSat = 50n;

  expect(await refused(buy(world, upstream, requestOf(60)))).toBe('unaffordable: over its cap');
  expect(upstream.buying?.affordable()).toBeLessThanOrEqual(50_000n);
  expect(upstream.buying?.why()).toBe('over its cap');
  expect(node.requests).toEqual([]);
  expect(await world.rows()).toEqual([]);
  expect(world.treasury.freeAt(world.mint.url)).toBe(1000n);
});

test('a node gets no more than half of our money, and half of its cap, but for a request that needs it', async () => {
  await using world = await buyingWorld({ fundSat: 100 });
  await using node = await scriptedNode(world.mint.url);
  await buy(world, world.upstream(node.url));
  expect(await world.rows()).toMatchObject([{ deposited_msat: 50_000n }]);

  await world.treasury.receive(world.mint.faucet(1000));
  world.capSat = 130n;
  await buy(world, world.upstream(node.url, { node: 'n2' }));
  expect(await world.rows()).toMatchObject([{}, { deposited_msat: 65_000n }]);
  await buy(world, world.upstream(node.url, { node: 'n3' }), requestOf(120));
  const [, , third] = await world.rows();
  expect(third?.deposited_msat).toBeGreaterThan(120_000n);
});

test('what is affordable can be bought', async () => {
  await using world = await buyingWorld({ fundSat: 100, mint: { inputFeePpk: 100 } });
  await using node = await scriptedNode(world.mint.url);
  const upstream = world.upstream(node.url);
  const affordable = upstream.buying?.affordable() ?? ZERO_MSAT;

  expect(affordable).toBeGreaterThan(90_000n);
  expect(await buy(world, upstream, requestOf(0, { maxCost: affordable }))).toContain('hello');
});

test('a blocked node, one without a common mint, and an empty purse say why nothing can be bought', async () => {
  await using world = await buyingWorld({ fundSat: 0 });
  await using node = await scriptedNode(world.mint.url);
  const poor = world.upstream(node.url);
  const strange = world.upstream(node.url, { mints: () => ['https://mint.example'] });

  expect([poor.buying?.affordable(), poor.buying?.why()]).toEqual([0n, 'no funds']);
  expect([strange.buying?.affordable(), strange.buying?.why()]).toEqual([0n, 'no common mint']);
  expect(await refused(buy(world, poor))).toBe('unaffordable: no funds');
  await world.treasury.receive(world.mint.faucet(100));
  world.capSat = 0n;
  expect([poor.buying?.affordable(), poor.buying?.why()]).toEqual([0n, 'blocked']);
  expect(await refused(buy(world, poor))).toBe('unaffordable: blocked');
});

test('a request that has passed as many routers as it may is not bought', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  const upstream = world.upstream(node.url);

  expect(await refused(buy(world, upstream, requestOf(5, { hops: 2 })))).toBe('unaffordable: loop');
  expect(node.requests).toEqual([]);
  await buy(world, upstream, requestOf(5, { hops: 1 }));
  expect(node.chats()[0]?.headers['x-nutroute-hops']).toBe('2');
});

test('a charge beyond the published prices is seen, and stays at risk for ever', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  const upstream = world.upstream(node.url);
  await upstream.models();

  await buy(world, upstream);
  node.costMsat = 2001;
  await buy(world, upstream);
  node.costMsat = 2002;
  await buy(world, upstream);

  expect(world.seen).toEqual([
    { kind: 'paid', chargedMsat: 2000n, expectedMsat: 2000n },
    { kind: 'paid', chargedMsat: 2001n, expectedMsat: 2000n },
    { kind: 'overcharged', chargedMsat: 2002n, expectedMsat: 2000n },
  ]);
  world.clock.advance(601_000);
  await settled(world);
  expect(await world.rows()).toMatchObject([{ state: 'closed', disputed_msat: 2n }]);
  expect(world.purchases.riskOf('n1')).toBe(2n);
  await world.restart();
  expect(world.purchases.riskOf('n1')).toBe(2n);
});

test.each([
  [1.04, 'paid'],
  [1.5, 'overcharged'],
])(
  'a node whose prices rose by a factor of %d since we heard them is seen as: %s',
  async (factor, kind) => {
    await using world = await buyingWorld();
    await using node = await scriptedNode(world.mint.url);
    const upstream = world.upstream(node.url);
    await upstream.models();
    node.priceFactor = factor;
    node.costMsat = 2000 * factor;

    await buy(world, upstream);
    await settled(world);

    expect(world.seen.map((observation) => observation.kind)).toEqual([kind]);
  },
);

test('a node cannot charge more than lies with it', async () => {
  await using world = await buyingWorld();
  await using node = await scriptedNode(world.mint.url);
  const upstream = world.upstream(node.url);
  await upstream.models();
  node.costMsat = 9_000_000_000_000;

  await buy(world, upstream);

  const [row] = await world.rows();
  expect(row?.charged_msat).toBe(row?.deposited_msat);
  expect(world.purchases.riskOf('n1')).toBe((row?.deposited_msat ?? 0n) - 2000n);
  expect(await world.faults()).toEqual([]);
});

type Step =
  | { readonly kind: 'ask'; readonly sat: number; readonly fate: Fate; readonly node: string }
  | { readonly kind: 'sweep'; readonly hours: number }
  | { readonly kind: 'cap'; readonly sat: number };
type Fate = 'answer' | 'overcharge' | 'die' | 'leave' | 402 | 503;

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('ask' as const),
        sat: fc.integer({ min: 1, max: 40 }),
        fate: fc.constantFrom<Fate>('answer', 'answer', 'overcharge', 'die', 'leave', 402, 503),
        node: fc.constantFrom('n1', 'n2'),
      }),
    },
    fc.record({ kind: fc.constant('sweep' as const), hours: fc.constantFrom(0, 1, 20) }),
    fc.record({ kind: fc.constant('cap' as const), sat: fc.integer({ min: 60, max: 200 }) }),
  ),
  { minLength: 6, maxLength: 14 },
);

test.each(['balance', 'request'] as const)(
  'whatever happens at once, never more is at risk than the cap allowed, and all books agree (%s)',
  async (kind) => {
    await fc.assert(
      fc.asyncProperty(steps, async (plan) => {
        await using world = await buyingWorld({ fundSat: 2000, mint: { inputFeePpk: 100 } });
        await using node = await scriptedNode(world.mint.url);
        world.capSat = 60n;
        let highestCap = 60n;
        const upstreams = new Map(
          ['n1', 'n2'].map((name) => [name, world.upstream(node.url, { node: name, buy: kind })]),
        );
        const overruns: string[] = [];
        const check = (): void => {
          for (const name of upstreams.keys()) {
            const risk = world.purchases.riskOf(name);
            if (risk > highestCap * 1000n) overruns.push(`${name}: ${risk} of ${highestCap}`);
          }
        };
        node.chat = (response, { body }) => {
          check();
          const { fate } = JSON.parse(body) as { fate: Fate };
          if (typeof fate === 'number') json(response, fate, {});
          if (fate === 'die') response.socket?.resetAndDestroy();
          return fate === 'answer' || fate === 'overcharge' || fate === 'leave' ? false : undefined;
        };
        const running: Promise<unknown>[] = [];
        for (const step of plan) {
          if (step.kind === 'cap') {
            world.capSat = BigInt(step.sat);
            if (world.capSat > highestCap) highestCap = world.capSat;
          } else if (step.kind === 'sweep') {
            world.clock.advance(step.hours * 3_600_000);
            await settled(world);
          } else {
            const { fate, sat } = step;
            const gone = createCancel();
            const body = Buffer.from(
              JSON.stringify({ fate, cost: fate === 'overcharge' ? 9000 : 900 }),
            );
            const request = requestOf(sat, { body, maxCost: msat(BigInt(sat) * 1000n) });
            const upstream = upstreams.get(step.node);
            if (upstream === undefined) throw new Error('no such node');
            running.push(buy(world, upstream, request, gone).catch((error: unknown) => error));
            if (fate === 'leave') setTimeout(() => gone.cancel(), 10);
          }
          check();
        }
        for (const outcome of await Promise.all(running))
          if (outcome instanceof Error) expect(outcome).toBeInstanceOf(UpstreamFailure);
        check();
        for (let round = 0; round < 5; round += 1) {
          world.clock.advance(24 * 3_600_000);
          await settled(world);
        }
        check();
        expect(overruns).toEqual([]);
        expect(await world.faults()).toEqual([]);
        expect((await world.rows()).filter(({ state }) => !/closed|lost/.test(state))).toEqual([]);
      }),
      { numRuns: 8 },
    );
  },
  60_000,
);
