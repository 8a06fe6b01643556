import { getEncodedToken } from '@cashu/cashu-ts';
import type { Proof } from '@cashu/cashu-ts';
import { expect, test } from 'vitest';

import { startMint } from '../../src/demo/mint.ts';
import { msat, msatOfSat } from '../../src/lib/amount.ts';
import { all, query } from '../../src/store/operation.ts';
import { accept, cashuWorld, pay, payerWallet, quoteOf, receive } from '../support/cashu-world.ts';
import type { CashuWorld } from '../support/cashu-world.ts';
import { createSimulatedClock } from '../support/clock.ts';
import { chat, changeOf, until } from '../support/router-chat.ts';
import { routerWorld } from '../support/router-world.ts';

const END = { payerGone: false, error: undefined };

async function coinsOf(world: CashuWorld, token: string): Promise<readonly Proof[]> {
  return (await payerWallet(world.mint)).decodeToken(token).proofs;
}

function tokenOf(world: CashuWorld, proofs: readonly Proof[]): string {
  return getEncodedToken({ mint: world.mint.url, unit: 'sat', proofs: [...proofs] });
}

test('P8: a superset of a redeemed token, and a token that shares one coin with it, are refused without a mint call', async () => {
  await using world = await cashuWorld();
  const redeemed = await coinsOf(world, world.mint.faucet(12, 'sat', [8, 4]));
  const fresh = await coinsOf(world, world.mint.faucet(16));
  await pay(world, tokenOf(world, redeemed), 1n, { hold: 2_000n });
  world.mint.clearCalls();

  for (const token of [
    tokenOf(world, [...redeemed, ...fresh]),
    tokenOf(world, [...redeemed.slice(0, 1), ...fresh]),
  ])
    await expect(pay(world, token, 1n)).rejects.toMatchObject({ status: 400 });

  expect(world.mint.callCount()).toBe(0);
  expect(await receive(world.mint, tokenOf(world, fresh))).toBe(16n);
});

test('P8: a subset and a superset of a token that is just being redeemed are refused without a mint call', async () => {
  await using world = await cashuWorld();
  const coins = await coinsOf(world, world.mint.faucet(12, 'sat', [8, 4]));
  const fresh = await coinsOf(world, world.mint.faucet(16));
  world.mint.addFault({ path: '/v1/swap', kind: 'delay', ms: 300 });
  const first = pay(world, tokenOf(world, coins), 1n, { hold: 2_000n });
  await until('it is in work', () => world.mint.callCount('/v1/swap') === 1);

  for (const token of [tokenOf(world, coins.slice(0, 1)), tokenOf(world, [...coins, ...fresh])])
    await expect(pay(world, token, 1n, { hold: 2_000n })).rejects.toMatchObject({
      code: 'cashu_token_overlaps',
    });

  expect((await first).change?.amountSat).toBe(11n);
  expect(world.mint.callCount('/v1/swap')).toBe(1);
});

test('P10: change comes from the mint that was paid with, whatever else the router holds', async () => {
  await using other = await disposable(await startMint());
  await using world = await routerWorld({ otherMints: [other.mint.url] });
  await chat(world.url, world.fund(1000));

  const answer = await chat(world.url, other.mint.faucet(1000));
  const change = changeOf(answer, await answer.json());

  const wallet = await payerWallet(other.mint);
  expect(wallet.decodeToken(change).proofs.length).toBeGreaterThan(0);
  expect(await receive(other.mint, change)).toBeGreaterThan(900n);
});

async function disposable(mint: Awaited<ReturnType<typeof startMint>>) {
  return { mint, [Symbol.asyncDispose]: async () => mint.close() };
}

test('P18: too little free because siblings hold it is 429 after the wait, not 402', async () => {
  const clock = createSimulatedClock();
  await using world = await cashuWorld({ clock });
  const token = world.mint.faucet(100);
  const large = await accept(world, token, quoteOf(50_000n));
  const small = await accept(world, token, quoteOf(1_000n));

  const waiting = accept(world, token, quoteOf(60_000n, { floor: 60_000n }));
  waiting.catch(() => undefined);
  await until('it waits', async () => (await waitingOn(world)) === 1n);
  clock.advance(31_000);
  await small.settle({ charge: msat(0n), ...END });

  await expect(waiting).rejects.toMatchObject({ code: 'balance_in_use', status: 429 });
  expect((await large.settle({ charge: msat(0n), ...END })).change?.amountSat).toBe(100n);
});

async function waitingOn(world: CashuWorld): Promise<bigint | undefined> {
  const rows = await world.store.read(() =>
    all(query<{ waiting: bigint }>('SELECT waiting FROM account')),
  );
  return rows[0]?.waiting;
}

test('R11: change too long for proxies stays out of a Bearer payer’s headers, and never out of an X-Cashu payer’s', async () => {
  await using world = await cashuWorld({ maxOpenPerMint: msatOfSat(10_000_000n) });
  const worth = 2 ** 21 - 1;
  const hold = msatOfSat(BigInt(worth));

  const bearer = await pay(world, world.mint.faucet(worth), 0n, { hold });
  const header = await pay(world, world.mint.faucet(worth), 0n, { hold, scheme: 'x-cashu' });
  const short = await pay(world, world.mint.faucet(1000), 2_000n);

  expect(bearer.change).toMatchObject({ header: false, amountSat: BigInt(worth) });
  expect(header.change).toMatchObject({ header: true, amountSat: BigInt(worth) });
  expect(short.change).toMatchObject({ header: true, amountSat: 998n });
  expect(short.change?.token.length).toBeLessThan(2_500);
});
