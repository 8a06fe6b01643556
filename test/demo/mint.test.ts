import { CheckStateEnum, Mint, MintQuoteState, Wallet, getTokenMetadata } from '@cashu/cashu-ts';
import type { Proof } from '@cashu/cashu-ts';
import { afterEach, expect, test } from 'vitest';

import { startMint } from '../../src/demo/mint.ts';
import type { DemoMint, MintOptions } from '../../src/demo/mint.ts';

let mint: DemoMint | undefined;

async function start(options: MintOptions = {}): Promise<DemoMint> {
  mint = await startMint({ seed: 'a seed of the tests', ...options });
  return mint;
}

async function walletOf(of: DemoMint, options: { unit?: string; bip39seed?: Uint8Array } = {}) {
  const wallet = new Wallet(new Mint(of.url), { requireSigDleq: true, ...options });
  await wallet.loadMint();
  return wallet;
}

function sum(proofs: readonly Proof[]): number {
  return proofs.reduce((total, { amount }) => total + amount.toNumber(), 0);
}

afterEach(async () => {
  await mint?.close();
  mint = undefined;
});

test('a wallet receives a faucet token, and the books tell what is out', async () => {
  const it = await start();
  const wallet = await walletOf(it);
  const token = it.faucet(1000);
  expect(getTokenMetadata(token)).toMatchObject({ mint: it.url, unit: 'sat' });

  const proofs = await wallet.receive(token, { requireDleq: true });

  expect(sum(proofs)).toBe(1000);
  expect(it.books()).toEqual({
    issued: 2000,
    spent: 1000,
    outstanding: 1000,
    paidIn: 1000,
    paidOut: 0,
    fees: 0,
  });
  await expect(wallet.receive(token)).rejects.toMatchObject({ code: 11001 });
});

test('a mint quote is unpaid until told, then mints once', async () => {
  const it = await start();
  const wallet = await walletOf(it);
  const quote = await wallet.createMintQuoteBolt11(100);
  expect(quote.request).toMatch(/^lnbcrt1000n1/);
  expect(quote.state).toBe(MintQuoteState.UNPAID);
  await expect(wallet.mintProofsBolt11(100, quote)).rejects.toMatchObject({ code: 20001 });

  it.pay(quote.quote);

  expect((await wallet.checkMintQuoteBolt11(quote.quote)).state).toBe(MintQuoteState.PAID);
  expect(sum(await wallet.mintProofsBolt11(100, quote))).toBe(100);
  expect((await wallet.checkMintQuoteBolt11(quote.quote)).state).toBe(MintQuoteState.ISSUED);
  await expect(wallet.mintProofsBolt11(100, quote)).rejects.toMatchObject({ code: 20002 });
});

for (const inputFeePpk of [0, 100]) {
  test(`send and receive with ${inputFeePpk} ppk lose exactly the fee`, async () => {
    const it = await start({ inputFeePpk });
    const alice = await walletOf(it);
    const bob = await walletOf(it);
    const received = await alice.receive(it.faucet(1000));
    const fee = inputFeePpk === 0 ? 0 : 1;
    expect(sum(received)).toBe(1000 - fee);

    const { keep, send } = await alice.send(300, received, { includeFees: true });
    const got = await bob.receive({ mint: it.url, unit: 'sat', proofs: send });

    expect(sum(got)).toBe(300);
    const books = it.books();
    expect(books.outstanding).toBe(sum(keep) + sum(got));
    expect(books.outstanding).toBe(books.paidIn - books.paidOut - books.fees);
    const states = await alice.checkProofsStates([...send, ...got]);
    expect(states.map(({ state }) => state)).toEqual([
      ...send.map(() => CheckStateEnum.SPENT),
      ...got.map(() => CheckStateEnum.UNSPENT),
    ]);
  });
}

test('a wallet with a seed finds its proofs again, with their DLEQ', async () => {
  const it = await start();
  const bip39seed = new Uint8Array(64).fill(7);
  const first = await walletOf(it, { bip39seed });
  const proofs = await first.receive(it.faucet(21));

  const second = await walletOf(it, { bip39seed });
  const restored = await second.batchRestore(20, 20);

  expect(sum(restored.proofs)).toBe(21);
  expect(restored.proofs.map(({ secret }) => secret).toSorted()).toEqual(
    proofs.map(({ secret }) => secret).toSorted(),
  );
  expect(restored.proofs.every(({ dleq }) => dleq !== undefined)).toBe(true);
});
