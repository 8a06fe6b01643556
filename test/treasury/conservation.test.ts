import { getEncodedToken } from '@cashu/cashu-ts';
import type { Proof } from '@cashu/cashu-ts';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';

import { hexOf } from '../../src/lib/hex.ts';
import { all, query } from '../../src/store/operation.ts';
import type { Operation } from '../../src/store/operation.ts';
import { checkBooks } from '../../src/treasury/books.ts';
import type { Collected } from '../../src/treasury/treasury.ts';
import { cashuWorld, payerWallet } from '../support/cashu-world.ts';
import type { CashuWorld } from '../support/cashu-world.ts';
import type { Death } from '../support/mortal-store.ts';

const NODES = ['n1', 'n2'] as const;
const FUNDS_SAT = 1000;

/** What a node was given, and may give back. */
interface Holding {
  readonly id: bigint;
  readonly node: string;
  readonly coins: readonly Proof[];
}

type Act =
  | { readonly kind: 'buy' | 'refuse'; readonly node: string; readonly sat: number }
  /** A node gives back the coins of one of its tokens that `mask` chooses, perhaps those it gave back before. */
  | { readonly kind: 'give back'; readonly which: number; readonly mask: number };

interface Round {
  readonly acts: readonly Act[];
  /** What goes wrong with the mint's swaps. */
  readonly swaps: readonly ('well' | 'lost' | 'unheard' | 'slow')[];
  readonly death: Death | undefined;
}

const sat = fc.integer({ min: 1, max: 150 });
const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ kind: fc.constant('buy' as const), node: fc.constantFrom(...NODES), sat }),
  fc.record({ kind: fc.constant('refuse' as const), node: fc.constantFrom(...NODES), sat }),
  fc.record({
    kind: fc.constant('give back' as const),
    which: fc.nat({ max: 20 }),
    mask: fc.integer({ min: 1, max: 255 }),
  }),
);
const death: fc.Arbitrary<Death> = fc.record({
  when: fc.constantFrom('at', 'after'),
  statement: fc.constantFrom(
    'INSERT INTO operation (',
    'INSERT INTO coin',
    'INSERT INTO treasury_token',
    `UPDATE coin SET state = 'given'`,
    'INSERT INTO entry',
  ),
  skip: fc.nat({ max: 3 }),
});
const round: fc.Arbitrary<Round> = fc.record({
  acts: fc.array(act, { minLength: 1, maxLength: 6 }),
  swaps: fc.array(fc.constantFrom('well', 'lost', 'unheard', 'slow'), { maxLength: 3 }),
  death: fc.option(death, { nil: undefined }),
});

const TOKENS = query<{ id: bigint; holder: string }>(
  `SELECT id, holder FROM treasury_token WHERE holder <> 'operator' ORDER BY id`,
);
const FREE = query<{ y: Uint8Array }>(`SELECT y FROM coin WHERE state IN ('free', 'spending')`);

function* nothing(): Operation<void> {}

/** What nodes have, also where the router died before it told anybody. */
async function holdings(world: CashuWorld): Promise<readonly Holding[]> {
  const wallet = await payerWallet(world.mint);
  const rows = await world.store.read(() => all(TOKENS));
  return Promise.all(
    rows.map(async ({ id, holder }) => {
      const token = await world.treasury.spentToken(id);
      return { id, node: holder.slice('node:'.length), coins: wallet.decodeToken(token).proofs };
    }),
  );
}

function setSwaps(world: CashuWorld, swaps: Round['swaps']): void {
  world.mint.clearFaults();
  for (const how of swaps) {
    if (how === 'well') world.mint.addFault({ path: '/v1/swap', kind: 'delay', ms: 0 });
    if (how === 'lost') world.mint.addFault({ path: '/v1/swap', kind: 'drop' });
    if (how === 'unheard') world.mint.addFault({ path: '/v1/swap', kind: 'drop', when: 'after' });
    if (how === 'slow') world.mint.addFault({ path: '/v1/swap', kind: 'delay', ms: 30 });
  }
}

interface Given {
  readonly node: string;
  readonly reference: bigint;
  readonly text: string;
}

function changeOf(world: CashuWorld, all: readonly Holding[], which: number, mask: number) {
  const holding = all[which % Math.max(1, all.length)];
  const proofs = holding?.coins.filter((_, at) => ((mask >> (at % 8)) & 1) === 1) ?? [];
  if (holding === undefined || proofs.length === 0) return undefined;
  const text = getEncodedToken({ mint: world.mint.url, unit: 'sat', proofs });
  return { node: holding.node, reference: holding.id, text };
}

async function perform(world: CashuWorld, what: Act, known: readonly Holding[], given: Given[]) {
  if (what.kind === 'give back') {
    const change = changeOf(world, known, what.which, what.mask);
    if (change === undefined) return;
    given.push(change);
    await world.treasury.collect(change);
    return;
  }
  const record = (): Operation<void> => {
    if (what.kind === 'refuse') throw new Error('refused');
    return nothing();
  };
  const order = { mintUrl: world.mint.url, sat: BigInt(what.sat), node: what.node, record };
  await world.treasury.spend(order);
}

/** All change that nodes gave back is collected until nobody says `later`. */
async function collectAll(world: CashuWorld, given: readonly Given[]): Promise<Collected[]> {
  const outcomes: Collected[] = [];
  for (const change of given) outcomes.push(await world.treasury.collect(change));
  return outcomes;
}

async function check(world: CashuWorld): Promise<void> {
  // What a crash left of a split is resolved by itself.
  await vi.waitFor(async () => {
    const { openSwaps } = await world.store.read(checkBooks);
    expect(openSwaps).toBe(0n);
  }, 10_000);
  const { faults, bought, coinsSat } = await world.store.read(checkBooks);
  expect(faults).toEqual([]);
  const coins = (await holdings(world)).flatMap((holding) => holding.coins);
  expect(new Set(coins.map(({ secret }) => secret)).size).toBe(coins.length);
  const spent = new Set(world.mint.spentYs());
  const ours = await world.store.read(() => all(FREE));
  expect(ours.map(({ y }) => hexOf(y)).filter((y) => spent.has(y))).toEqual([]);
  const states =
    coins.length === 0 ? [] : await (await payerWallet(world.mint)).checkProofsStates(coins);
  const out = coins.filter((_, at) => states[at]?.state === 'UNSPENT');
  const outSat = out.reduce((sum, { amount }) => sum + BigInt(amount.toString()), 0n);
  expect(bought.atNodes.reduce((sum, { msat }) => sum + msat, 0n)).toBe(outSat * 1000n);
  expect(BigInt(world.mint.books().outstanding)).toBe(coinsSat + outSat);
  await expect.poll(() => world.treasury.freeAt(world.mint.url)).toBe(coinsSat);
}

test('whatever is bought, refused, given back, lost on the way or cut off: no coin is lost or doubled, and the books balance', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(round, { minLength: 1, maxLength: 4 }),
      fc.constantFrom(0, 100),
      async (rounds, inputFeePpk) => {
        await using world = await cashuWorld({ mint: { inputFeePpk } });
        await world.treasury.receive(world.mint.faucet(FUNDS_SAT));
        const given: Given[] = [];
        for (const { acts, swaps, death: place } of rounds) {
          const known = await holdings(world);
          setSwaps(world, swaps);
          if (place !== undefined) world.dieAt(place);
          await Promise.allSettled(acts.map(async (what) => perform(world, what, known, given)));
          world.mint.clearFaults();
          await world.kill();
        }

        const outcomes = await collectAll(world, given);

        expect(outcomes.filter(({ kind }) => kind === 'later')).toEqual([]);
        await check(world);
      },
    ),
    { numRuns: 25, endOnFailure: true },
  );
}, 120_000);
