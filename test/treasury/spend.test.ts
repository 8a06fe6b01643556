import { getTokenMetadata } from '@cashu/cashu-ts';
import { expect, test, vi } from 'vitest';

import { book } from '../../src/ledger/entries.ts';
import { all, query } from '../../src/store/operation.ts';
import type { Operation } from '../../src/store/operation.ts';
import { checkBooks } from '../../src/treasury/books.ts';
import type { Spending } from '../../src/treasury/treasury.ts';
import { cashuWorld, pay, payerWallet, receive } from '../support/cashu-world.ts';
import type { CashuWorld } from '../support/cashu-world.ts';

const SWAP = '/v1/swap';

function* nothing(): Operation<void> {}

function buy(world: CashuWorld, sat: bigint, node = 'n1') {
  return world.treasury.spend({ mintUrl: world.mint.url, sat, node, record: nothing });
}

/** Fails where the treasury has not that much. */
async function bought(world: CashuWorld, sat: bigint): Promise<string> {
  const spent = await buy(world, sat);
  if (spent === undefined) throw new Error(`the treasury did not give ${sat} sat`);
  return spent.token;
}

async function secretsOf(world: CashuWorld, tokens: readonly string[]): Promise<string[]> {
  const wallet = await payerWallet(world.mint);
  return tokens.flatMap((token) => wallet.decodeToken(token).proofs.map(({ secret }) => secret));
}

/** Does something between the `count`th reading from now and what follows from it. */
function afterRead(world: CashuWorld, count: number, act: () => void) {
  const read = world.store.read.bind(world.store);
  let left = count;
  return vi.spyOn(world.store, 'read').mockImplementation(async (operation) => {
    const result = await read(operation);
    left -= 1;
    if (left === 0) act();
    return result;
  });
}

test('a node is given exactly what was ordered, and the books say who has it', async () => {
  await using world = await cashuWorld();
  await world.treasury.receive(world.mint.faucet(100));

  const token = await bought(world, 37n);

  expect(world.treasury.freeAt(world.mint.url)).toBe(63n);
  expect(await receive(world.mint, token)).toBe(37n);
  const { bought: at, coinsSat, faults } = await world.store.read(checkBooks);
  expect({ at: at.atNodes, coinsSat, faults }).toEqual({
    at: [{ node: 'n1', msat: 37_000n }],
    coinsSat: 63n,
    faults: [],
  });
});

test('where coins fit no mint is asked, not even for a mint that is away', async () => {
  await using world = await cashuWorld();
  await world.treasury.receive(world.mint.faucet(127));
  world.mint.clearCalls();
  world.mint.addFault({ path: '*', kind: 'drop', times: 100 });

  const token = await bought(world, 37n);

  expect(world.mint.callCount(SWAP)).toBe(0);
  world.mint.clearFaults();
  expect(await secretsOf(world, [token])).toHaveLength(3);
});

test('one split makes the coins of the next four payments of that size', async () => {
  await using world = await cashuWorld();
  await world.treasury.receive(world.mint.faucet(1024));
  world.mint.clearCalls();

  for (const sat of [50n, 33n, 47n, 63n, 1n]) await bought(world, sat);

  expect(world.mint.callCount(SWAP)).toBe(1);
  expect(world.treasury.freeAt(world.mint.url)).toBe(1024n - 194n);
});

test('a hundred payments at once: as many as there is money for, no coin twice, in a handful of swaps', async () => {
  await using world = await cashuWorld();
  await world.treasury.receive(world.mint.faucet(500));
  world.mint.clearCalls();

  const spent = await Promise.all(Array.from({ length: 100 }, async () => buy(world, 7n)));

  const tokens = spent.flatMap((one) => one?.token ?? []);
  expect(tokens).toHaveLength(71);
  const secrets = await secretsOf(world, tokens);
  expect(new Set(secrets).size).toBe(secrets.length);
  expect(tokens.map((token) => BigInt(getTokenMetadata(token).amount.toString()))).toEqual(
    tokens.map(() => 7n),
  );
  expect(world.mint.callCount(SWAP)).toBeLessThan(15);
  expect(world.treasury.freeAt(world.mint.url)).toBe(3n);
  expect(await world.faults()).toEqual([]);
});

test('what is recorded of a purchase and the coins are one: a refusal gives nothing', async () => {
  await using world = await cashuWorld();
  await world.treasury.receive(world.mint.faucet(64));
  const order = { mintUrl: world.mint.url, sat: 64n, node: 'n1' };

  const refused = world.treasury.spend({
    ...order,
    *record() {
      const entry = { amountMsat: 1n, reason: 'test', atMs: 0 } as const;
      yield* book({ debit: 'operator', credit: 'treasury', ...entry });
      throw new Error('over the cap');
    },
  });

  await expect(refused).rejects.toThrow('over the cap');
  expect(world.treasury.freeAt(world.mint.url)).toBe(64n);
  expect(await world.faults()).toEqual([]);
  const rows = query<{ sat: bigint }>('SELECT sat FROM treasury_token WHERE id = ?');
  const spent = await world.treasury.spend({ ...order, record: ({ id }) => all(rows, id) });
  expect(spent?.result).toEqual([{ sat: 64n }]);
});

test('S3: coins of payers buy nothing', async () => {
  await using world = await cashuWorld();
  await pay(world, world.mint.faucet(100), 10_000n, { change: 'keep' });
  await pay(world, world.mint.faucet(100), 10_000n);
  await expect.poll(() => world.treasury.freeAt(world.mint.url)).toBe(10n);

  expect(await buy(world, 11n)).toBeUndefined();
  expect(await receive(world.mint, await bought(world, 10n))).toBe(10n);
  expect(await world.faults()).toEqual([]);
});

test('a mint that is not ours, and one at which nothing is, sell nothing', async () => {
  await using world = await cashuWorld();
  const other = { mintUrl: 'https://mint.example', sat: 1n, node: 'n1', record: nothing };

  expect(await world.treasury.spend(other)).toBeUndefined();
  expect(world.treasury.freeAt('https://mint.example')).toBe(0n);
  expect(await buy(world, 1n)).toBeUndefined();
  await expect(buy(world, 0n)).rejects.toThrow('nothing');
});

test('a split that the mint refuses is told, and nothing is given', async () => {
  await using world = await cashuWorld();
  await world.treasury.receive(world.mint.faucet(64));
  world.mint.addFault({ path: SWAP, kind: 'refuse', status: 429, times: 1 });

  await expect(buy(world, 5n)).rejects.toMatchObject({ code: 'cashu_mint_unreachable' });

  expect(await world.faults()).toEqual([]);
});

test('who waits for a split that fails fails with it, and does not try one after the other', async () => {
  await using world = await cashuWorld();
  await world.treasury.receive(world.mint.faucet(64));
  world.mint.clearCalls();
  world.mint.addFault({ path: SWAP, kind: 'refuse', status: 429 });

  const waiting = await Promise.allSettled(Array.from({ length: 5 }, async () => buy(world, 5n)));

  expect(waiting.map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => 'rejected'));
  expect(world.mint.callCount(SWAP)).toBe(1);
  expect(await world.faults()).toEqual([]);
});

test('the mint takes its fee for a split from the treasury, and the purchase is told', async () => {
  await using world = await cashuWorld({ mint: { inputFeePpk: 1000 } });
  await world.treasury.receive(world.mint.faucet(66));
  const spendings: Spending[] = [];

  const spent = await world.treasury.spend({
    mintUrl: world.mint.url,
    sat: 5n,
    node: 'n1',
    record: (spending) => {
      spendings.push(spending);
      return nothing();
    },
  });

  expect(spendings).toEqual([{ id: spent?.id, feeSat: 1n }]);
  expect(world.mint.books().fees).toBe(3);
  expect(world.treasury.freeAt(world.mint.url)).toBe(66n - 2n - 1n - 5n);
  expect(await world.faults()).toEqual([]);
});

test('the token of a purchase is told again, also after a restart, and is none that the operator sent', async () => {
  await using world = await cashuWorld();
  await world.treasury.receive(world.mint.faucet(100));
  const sent = await world.treasury.send(9n, undefined);
  const spent = await buy(world, 20n);
  await world.restart();

  expect(await world.treasury.spentToken(spent?.id ?? 0n)).toBe(spent?.token);
  expect(await world.treasury.lastSent()).toBe(sent);
  await expect(world.treasury.spentToken(99n)).rejects.toThrow('99');
});

test('who listens hears of every change of what is free', async () => {
  await using world = await cashuWorld();
  const heard: bigint[] = [];
  world.treasury.onChange(() => heard.push(world.treasury.freeAt(world.mint.url)));

  await world.treasury.receive(world.mint.faucet(64));
  await buy(world, 64n);
  await buy(world, 64n);

  expect(heard).toEqual([64n, 0n]);
});

test('a coin that another purchase takes while it is about to be split is no fault: other coins are split', async () => {
  await using world = await cashuWorld();
  await world.treasury.receive(world.mint.faucet(64, 'sat', [64]));
  await world.treasury.receive(world.mint.faucet(128, 'sat', [128]));
  let other: Promise<string> | undefined;
  const seen = afterRead(world, 3, () => {
    other = bought(world, 64n);
  });

  const token = await bought(world, 10n);

  expect(seen).toHaveBeenCalled();
  expect(await receive(world.mint, token)).toBe(10n);
  expect(await receive(world.mint, (await other) ?? '')).toBe(64n);
  expect(world.treasury.freeAt(world.mint.url)).toBe(118n);
  expect((await world.store.read(checkBooks)).faults).toEqual([]);
});
