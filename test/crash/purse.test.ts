import { afterAll, beforeAll, expect, test } from 'vitest';

import { startDemoProcess } from '../support/demo-process.ts';
import type { DemoProcess } from '../support/demo-process.ts';
import { openPurse, worthOf } from './purse.ts';
import type { Purse } from './purse.ts';

let mint: DemoProcess;
let purse: Purse;

beforeAll(async () => {
  mint = await startDemoProcess('mint-process', ['--fee', '100']);
  purse = await openPurse(mint.url);
});

afterAll(() => mint.kill());

const coins = async (amounts: readonly number[]) => {
  const amount = amounts.reduce((sum, sat) => sum + sat, 0);
  return purse.coinsOf(await mint.command<string>('faucet', { amount, amounts }));
};

test('coins are spent for fresh ones, less the fee', async () => {
  const old = await coins([4, 2]);

  const { sat, token } = await purse.receive(old);

  expect(sat).toBe(5);
  expect(worthOf(purse.coinsOf(token))).toBe(5);
  expect(await purse.unspent(old)).toEqual([]);
});

test('a coin worth no more than its fee is counted as it is', async () => {
  const old = await coins([1]);

  expect(await purse.receive(old)).toMatchObject({ sat: 1 });
  expect(await purse.unspent(old)).toEqual(old);
});

test('a coin worth no more than its fee is not counted once it is spent', async () => {
  const [small, large] = await coins([1, 8]);
  await purse.receive([small!, large!]);

  await expect(purse.receive([small!])).rejects.toThrow('SPENT');
});
