import { expect, test } from 'vitest';

import { book } from '../../src/ledger/entries.ts';
import type { Book } from '../../src/ledger/entries.ts';
import type { Operation } from '../../src/store/operation.ts';
import { checkBooks } from '../../src/treasury/books.ts';
import { cashuWorld } from '../support/cashu-world.ts';
import type { CashuWorld } from '../support/cashu-world.ts';

function* nothing(): Operation<void> {}

/** A treasury that gave 64 of 100 sat to the node n1. */
async function customer(): Promise<CashuWorld> {
  const world = await cashuWorld();
  await world.treasury.receive(world.mint.faucet(100));
  const order = { mintUrl: world.mint.url, sat: 64n, node: 'n1', record: nothing };
  await world.treasury.spend(order);
  return world;
}

async function move(world: CashuWorld, debit: Book, credit: Book, amountMsat: bigint) {
  const entry = { debit, credit, amountMsat, reason: 'test', atMs: 0 };
  await world.store.write(() => book(entry));
}

test('what nodes have, what was spent on their answers and what was lost there stand apart', async () => {
  await using world = await customer();
  await move(world, 'node:n1', 'purchases', 10_000n);
  await move(world, 'node:n1', 'purchase_loss', 500n);
  await world.treasury.spend({ mintUrl: world.mint.url, sat: 4n, node: 'n2', record: nothing });

  const { bought, faults } = await world.store.read(checkBooks);

  expect(bought).toEqual({
    atNodes: [
      { node: 'n1', msat: 53_500n },
      { node: 'n2', msat: 4_000n },
    ],
    purchasesMsat: 10_000n,
    lossesMsat: 500n,
  });
  expect(faults).toEqual([]);
});

test('a node that has nothing of ours any more is not listed', async () => {
  await using world = await customer();
  await move(world, 'node:n1', 'purchases', 64_000n);

  expect((await world.store.read(checkBooks)).bought.atNodes).toEqual([]);
});

test('money that is booked to a node without coins, or back from it, is found', async () => {
  await using world = await customer();
  await move(world, 'treasury', 'node:n1', 5_000n);

  expect(await world.faults()).toEqual([
    'the coins are worth 36000 msat, the books say 31000 msat',
    'the tokens that left the treasury and what is booked for them differ',
  ]);

  await move(world, 'node:n1', 'treasury', 5_000n);
  expect(await world.faults()).toEqual([
    'the tokens that left the treasury and what is booked for them differ',
    'the change that nodes gave back and what is booked for it differ',
  ]);
});
