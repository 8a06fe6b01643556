import { getEncodedToken } from '@cashu/cashu-ts';
import { expect, test } from 'vitest';

import { startMint } from '../../src/demo/mint.ts';
import { all, query } from '../../src/store/operation.ts';
import type { Operation } from '../../src/store/operation.ts';
import { checkBooks } from '../../src/treasury/books.ts';
import type { Collected, CollectedChange } from '../../src/treasury/treasury.ts';
import { cashuWorld, pay, payerWallet, receive } from '../support/cashu-world.ts';
import type { CashuWorld } from '../support/cashu-world.ts';

const SWAP = '/v1/swap';
const CHANGE_20: Collected = { kind: 'applied', grossSat: 20n, feeSat: 0n };
const LATER: Collected = { kind: 'later' };

function* nothing(): Operation<void> {}

/** A treasury of 100 sat that gave 64 of them to the node n1; its token. */
async function customer(world: CashuWorld): Promise<{ id: bigint; token: string }> {
  await world.treasury.receive(world.mint.faucet(100));
  const order = { mintUrl: world.mint.url, sat: 64n, node: 'n1', record: nothing };
  const spent = await world.treasury.spend(order);
  if (spent === undefined) throw new Error('the treasury gave nothing');
  return spent;
}

function collect(world: CashuWorld, text: string, reference = 1n): Promise<Collected> {
  return world.treasury.collect({ text, node: 'n1', reference });
}

const ENTRIES = query<{ debit: string; credit: string; amount_msat: bigint }>(
  `SELECT debit, credit, amount_msat FROM entry WHERE reason = 'collect' ORDER BY id`,
);

test('change of a node comes in, is booked, and is told with the purchase it belongs to', async () => {
  await using world = await cashuWorld({ mint: { inputFeePpk: 1000 } });
  await customer(world);
  const before = world.treasury.freeAt(world.mint.url);
  const told: CollectedChange[] = [];
  world.treasury.onCollected((change) => {
    told.push(change);
    return nothing();
  });

  const collected = await collect(world, world.mint.faucet(20), 7n);

  expect(collected).toEqual({ kind: 'applied', grossSat: 20n, feeSat: 2n });
  expect(told).toEqual([{ node: 'n1', reference: 7n, grossSat: 20n, feeSat: 2n }]);
  expect(world.treasury.freeAt(world.mint.url)).toBe(before + 18n);
  expect(await world.store.read(() => all(ENTRIES))).toEqual([
    { debit: 'node:n1', credit: 'treasury', amount_msat: 20_000n },
    { debit: 'treasury', credit: 'router_fee', amount_msat: 2_000n },
  ]);
  const { bought, faults } = await world.store.read(checkBooks);
  expect(bought.atNodes).toEqual([{ node: 'n1', msat: 44_000n }]);
  expect(faults).toEqual([]);
});

test('the same change counts once, however often and at once it is collected, and for one purchase', async () => {
  await using world = await cashuWorld();
  await customer(world);
  let told = 0;
  world.treasury.onCollected(() => {
    told += 1;
    return nothing();
  });
  const change = world.mint.faucet(20);
  world.mint.clearCalls();

  const atOnce = await Promise.all(Array.from({ length: 5 }, async () => collect(world, change)));
  await world.restart();
  const again = await collect(world, change);
  const elsewhere = await collect(world, change, 2n);

  expect(atOnce).toEqual(Array.from({ length: 5 }, () => CHANGE_20));
  expect(again).toEqual(CHANGE_20);
  expect(elsewhere).toEqual({ kind: 'refused', why: 'spent' });
  expect([told, world.mint.callCount(SWAP)]).toEqual([1, 1]);
  expect(world.treasury.freeAt(world.mint.url)).toBe(56n);
  expect(await world.faults()).toEqual([]);
});

test('a token that the node never took is taken back', async () => {
  await using world = await cashuWorld();
  const { id, token } = await customer(world);

  const collected = await collect(world, await world.treasury.spentToken(id));

  expect(collected).toEqual({ kind: 'applied', grossSat: 64n, feeSat: 0n });
  await expect(receive(world.mint, token)).rejects.toThrow('spent');
  expect(world.treasury.freeAt(world.mint.url)).toBe(100n);
  expect(await world.faults()).toEqual([]);
});

test('what is no change is refused for good, and says why', async () => {
  await using world = await cashuWorld({ mint: { units: ['sat', 'usd'] } });
  const other = await startMint();
  const spent = world.mint.faucet(20);
  await receive(world.mint, spent);
  const paid = world.mint.faucet(20);
  await pay(world, paid, 1_000n);
  const { proofs } = (await payerWallet(world.mint)).decodeToken(world.mint.faucet(20));
  const forged = proofs.map((proof, at) => ({ ...proof, C: proofs[at - 1]?.C ?? proof.C }));
  world.mint.clearCalls();

  const refusals = new Map<string, Collected>();
  for (const [what, text] of Object.entries({
    text: 'change',
    usd: world.mint.faucet(20, 'usd'),
    other: other.faucet(20),
    forged: getEncodedToken({ mint: world.mint.url, unit: 'sat', proofs: forged }),
    spent,
    paid,
  }))
    refusals.set(what, await collect(world, text));
  await other.close();

  const invalid = { kind: 'refused', why: 'invalid' };
  expect(Object.fromEntries(refusals)).toEqual({
    text: invalid,
    usd: invalid,
    other: { kind: 'refused', why: 'foreign mint' },
    forged: invalid,
    spent: { kind: 'refused', why: 'spent' },
    paid: { kind: 'refused', why: 'spent' },
  });
  expect(await world.faults()).toEqual([]);
});

test('a mint that does not answer: later, and then it is there', async () => {
  await using world = await cashuWorld();
  await customer(world);
  const change = world.mint.faucet(20);
  world.mint.addFault({ path: '*', kind: 'drop', times: 5 });

  expect(await collect(world, change)).toEqual(LATER);
  expect(await collect(world, change)).toEqual(LATER);
  world.mint.clearFaults();
  await world.restart();

  expect(await collect(world, change)).toEqual(CHANGE_20);
  expect(await world.faults()).toEqual([]);
});

test('change of a keyset that the mint could not tell yet is no fault of the node', async () => {
  await using world = await cashuWorld();
  await customer(world);
  world.mint.rotate();
  const change = world.mint.faucet(20);
  world.mint.addFault({ path: '/v1/keysets', kind: 'drop' });

  expect(await collect(world, change)).toEqual({ kind: 'later', why: 'unknown keyset' });
});

test('R4: change whose swap landed before the router died is booked with nobody asking', async () => {
  await using world = await cashuWorld();
  await customer(world);
  const change = world.mint.faucet(20);
  world.dieAt({ when: 'at', statement: 'INSERT INTO coin' });

  await expect(collect(world, change)).rejects.toThrow('killed');
  await world.restart();

  await expect.poll(() => world.treasury.freeAt(world.mint.url)).toBe(56n);
  expect(await collect(world, change)).toEqual(CHANGE_20);
  expect(await world.faults()).toEqual([]);
});

test('change whose swap never left is sent again only when it is collected again: the node may take it back', async () => {
  await using world = await cashuWorld();
  await customer(world);
  const [kept, gone] = [world.mint.faucet(20), world.mint.faucet(20)];
  for (const change of [kept, gone]) {
    world.dieAt({ when: 'after', statement: 'INSERT INTO operation (' });
    await expect(collect(world, change)).rejects.toThrow('killed');
    await world.restart();
  }
  await receive(world.mint, gone);

  expect(await collect(world, kept)).toEqual(CHANGE_20);
  expect(await collect(world, gone)).toEqual({ kind: 'refused', why: 'spent' });
  expect(await world.faults()).toEqual([]);
});

test('the coins and what is written of them are one: neither comes without the other', async () => {
  await using world = await cashuWorld();
  await customer(world);
  const change = world.mint.faucet(20);
  let isFull = true;
  world.treasury.onCollected(() => {
    if (isFull) throw new Error('cannot be written');
    return nothing();
  });

  await expect(collect(world, change)).rejects.toThrow('cannot be written');
  expect(world.treasury.freeAt(world.mint.url)).toBe(36n);
  isFull = false;

  expect(await collect(world, change)).toEqual(CHANGE_20);
  expect(await world.faults()).toEqual([]);
});
