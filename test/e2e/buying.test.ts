import { describe, expect, test } from 'vitest';

import type { Observation } from '../../src/discovery/standing.ts';
import type { Outcome } from '../support/counting-payer.ts';
import type { Lie } from '../support/lying-node.ts';
import {
  CAP_SAT,
  CAPITAL_SAT,
  INPUT_MSAT,
  MARKUP,
  OUTPUT_MSAT,
  twoHops,
} from '../support/two-hops.ts';
import type { TwoHops } from '../support/two-hops.ts';

const ROUTES = [
  { node: 'nutroute', buy: 'balance' },
  { node: 'nutroute', buy: 'request' },
  { node: 'core', buy: 'balance' },
  { node: 'core', buy: 'request' },
] as const;

const ASKS = [
  { scheme: 'bearer', stream: false },
  { scheme: 'bearer', stream: true },
  { scheme: 'x-cashu', stream: false },
] as const;

/** Money that lies idle so long is called back; so many times later it is missed. */
const IDLE_MS = 700_000;
const MISSED_TIMES = 8;

/** What payers of all kinds have of the node alone; each is made whole, and nothing of the node's money reaches them. */
async function askNode(world: TwoHops): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const ask of ASKS) outcomes.push(await world.payer.ask({ ...ask, only: 'b' }));
  expect(outcomes.flatMap(({ faults }) => faults)).toEqual([]);
  return outcomes;
}

/** Where there is another provider of the model, the payer does not even notice. */
async function expectServedByOther(world: TwoHops): Promise<void> {
  for (const stream of [false, true]) {
    const { isServed, faults } = await world.payer.ask({ stream });
    expect({ isServed, faults }).toEqual({ isServed: true, faults: [] });
  }
}

/** The router has not lost more than it may, whatever the node still has of its. */
async function expectWithinCap(world: TwoHops): Promise<void> {
  const { coinsSat, owedMsat } = await world.books();
  const own = coinsSat * 1000n - owedMsat;
  expect(world.mostAtRisk).toBeLessThanOrEqual(BigInt(CAP_SAT) * 1000n);
  expect(own).toBeGreaterThanOrEqual(BigInt(CAPITAL_SAT - CAP_SAT) * 1000n);
  expect(await world.faults()).toEqual([]);
}

/** The node is honest again: what it still has comes back, and every sat that the mint issued is with somebody. */
async function expectAllBack(world: TwoHops): Promise<void> {
  await world.callBack();
  expect(await world.faults()).toEqual([]);
  const { coinsSat } = await world.books();
  expect(Number(coinsSat) + (await world.nodeSat()) + world.payer.receivedSat).toBe(
    world.mint.books().outstanding,
  );
}

type Route = (typeof ROUTES)[number];

interface Case {
  readonly what: string;
  readonly lie?: (world: TwoHops) => Lie | Promise<Lie>;
  readonly priceFactor?: number;
  /** When the payer notices: at once, or within a stream. */
  readonly fails?: 'at once' | 'midway';
  /** What the router observes that lowers the node's standing. */
  readonly remembered?: 'overcharged' | 'withheld' | 'failed';
  /** How often the router asks for its money in vain. */
  readonly sweeps?: number;
  readonly timeoutMs?: number;
}

const CASES: readonly Case[] = [
  { what: 'publishes prices that are too low', priceFactor: 10, remembered: 'overcharged' },
  ...(['later', 'unknown', 'nothing'] as const).map((withhold): Case => ({
    what: `withholds change (${withhold})`,
    lie: () => ({ withhold }),
    remembered: 'withheld',
  })),
  {
    what: 'dies in its answer',
    lie: () => ({ dieAfterBytes: 600 }),
    fails: 'midway',
    remembered: 'failed',
  },
  ...([402, 425, 429] as const).map((status): Case => ({
    what: `answers ${status}`,
    lie: () => ({ status }),
    fails: 'at once',
    remembered: 'failed',
  })),
  { what: 'answers 503', lie: () => ({ status: 503 }), fails: 'at once', remembered: 'failed' },
  {
    what: 'takes the money and hangs',
    lie: () => ({ hang: true }),
    timeoutMs: 400,
    fails: 'at once',
    remembered: 'failed',
  },
  {
    what: 'forges change',
    lie: async ({ payer }) => ({ forgedChange: await payer.spentToken(64) }),
  },
];

/** Charges that nobody can count weigh little, and only where there are many. */
const HARMLESS: ReadonlySet<string> = new Set(['paid', 'returned', 'unchecked', 'covered']);

/** What lowers a node's standing, each kind once. */
function lowering(observed: readonly Observation[]): readonly string[] {
  const kinds = new Set(observed.map(({ kind }) => kind));
  return [...kinds].filter((kind) => !HARMLESS.has(kind));
}

/**
 * Payers are whole each time, the router loses no more than it may, and has all back later. Returns what it observed meanwhile that
 * lowers the node's standing.
 */
async function expectHarmless(route: Route, lying: Case): Promise<readonly string[]> {
  const { lie, priceFactor, timeoutMs, fails, sweeps = MISSED_TIMES } = lying;
  await using world = await twoHops({ ...route, priceFactor, timeoutMs });
  await world.payer.ask({ stream: false, only: 'b' });
  if (lie !== undefined) world.liar.lie(await lie(world));

  const outcomes = await askNode(world);

  const served = outcomes.filter(({ isServed }) => isServed);
  if (fails === undefined) expect(served).not.toEqual([]);
  else expect(served).toEqual([]);
  if (fails === 'at once') await expectServedByOther(world);
  if (fails === 'midway') expect(outcomes[1]?.text).not.toBe('');
  await world.passTime(IDLE_MS, sweeps);
  await expectWithinCap(world);
  const observed = lowering(world.observed);
  await expectAllBack(world);
  return observed;
}

describe.each(ROUTES)('buying from a $node by $buy', (route) => {
  test('an honest node: payers pay its price, the markup and the mint’s part, and all change comes back', async () => {
    await using world = await twoHops(route);

    const outcomes = await askNode(world);

    expect(outcomes.map(({ isServed }) => isServed)).toEqual([true, true, true]);
    expect(world.liar.chats).toBe(3);
    await expectWithinCap(world);
    await expectAllBack(world);
    const { deposited, charged, returned, lost } = await world.totals();
    const prices = outcomes.map(
      ({ promptTokens, completionTokens }) =>
        promptTokens * INPUT_MSAT + completionTokens * OUTPUT_MSAT,
    );
    expect(Number(charged)).toBe(prices.reduce((sum, price) => sum + price, 0));
    expect(deposited - returned - charged).toBe(lost);
    for (const [index, { costMsat }] of outcomes.entries())
      expect(costMsat).toBeGreaterThan((prices[index] ?? Infinity) * MARKUP);
    expect(world.standing().why.join()).toContain('paid requests priced right: 3');
  });

  test.each(CASES)('a node that $what harms nobody beyond its cap', async (lying) => {
    const { remembered } = lying;

    const observed = await expectHarmless(route, lying);

    expect(observed).toEqual(remembered === undefined ? [] : [remembered]);
  });
});

test('a node that never answers a refund call harms nobody beyond its cap', async () => {
  const silent: Case = { what: 'is silent', lie: () => ({ withhold: 'silence' }), sweeps: 1 };

  const observed = await expectHarmless({ node: 'nutroute', buy: 'request' }, silent);

  // Each call is waited for: that the money is missed is seen later than here.
  expect(observed).toEqual([]);
});
