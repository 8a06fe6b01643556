import { CheckStateEnum, MeltQuoteState, MintQuoteState, getTokenMetadata } from '@cashu/cashu-ts';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { afterEach, expect, test } from 'vitest';

import { startMint } from '../../src/demo/mint.ts';
import type { DemoMint, MintOptions } from '../../src/demo/mint.ts';
import { post, sumOf, walletOf } from './mint-wallet.ts';

let mint: DemoMint | undefined;

async function start(options: MintOptions = {}): Promise<DemoMint> {
  mint = await startMint({ seed: 'a seed of the tests', ...options });
  return mint;
}

afterEach(async () => {
  await mint?.close();
  mint = undefined;
});

test('a wallet receives a faucet token, and the books tell what is out', async () => {
  const it = await start();
  const wallet = await walletOf(it.url);
  const token = it.faucet(1000);
  expect(getTokenMetadata(token)).toMatchObject({ mint: it.url, unit: 'sat' });

  const proofs = await wallet.receive(token, { requireDleq: true });

  expect(sumOf(proofs)).toBe(1000);
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
  const wallet = await walletOf(it.url);
  const quote = await wallet.createMintQuoteBolt11(100);
  expect(quote.request).toMatch(/^lnbcrt1000n1/);
  expect(quote.state).toBe(MintQuoteState.UNPAID);
  await expect(wallet.mintProofsBolt11(100, quote)).rejects.toMatchObject({ code: 20001 });

  it.pay(quote.quote);

  expect((await wallet.checkMintQuoteBolt11(quote.quote)).state).toBe(MintQuoteState.PAID);
  expect(sumOf(await wallet.mintProofsBolt11(100, quote))).toBe(100);
  expect((await wallet.checkMintQuoteBolt11(quote.quote)).state).toBe(MintQuoteState.ISSUED);
  await expect(wallet.mintProofsBolt11(100, quote)).rejects.toMatchObject({ code: 20002 });
});

for (const inputFeePpk of [0, 100]) {
  test(`send and receive with ${inputFeePpk} ppk lose exactly the fee`, async () => {
    const it = await start({ inputFeePpk });
    const alice = await walletOf(it.url);
    const bob = await walletOf(it.url);
    const received = await alice.receive(it.faucet(1000));
    const fee = inputFeePpk === 0 ? 0 : 1;
    expect(sumOf(received)).toBe(1000 - fee);

    const { keep, send } = await alice.send(300, received, { includeFees: true });
    const got = await bob.receive({ mint: it.url, unit: 'sat', proofs: send });

    expect(sumOf(got)).toBe(300);
    const books = it.books();
    expect(books.outstanding).toBe(sumOf(keep) + sumOf(got));
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
  const first = await walletOf(it.url, { bip39seed });
  const proofs = await first.receive(it.faucet(21));

  const second = await walletOf(it.url, { bip39seed });
  const restored = await second.batchRestore(20, 20);

  expect(sumOf(restored.proofs)).toBe(21);
  expect(restored.proofs.map(({ secret }) => secret).toSorted()).toEqual(
    proofs.map(({ secret }) => secret).toSorted(),
  );
  expect(restored.proofs.every(({ dleq }) => dleq !== undefined)).toBe(true);
});

test('a locked quote mints only with the signature of its key', async () => {
  const it = await start();
  const wallet = await walletOf(it.url);
  const privkey = '11'.repeat(32);
  const pubkey = Buffer.from(secp256k1.getPublicKey(Buffer.from(privkey, 'hex'))).toString('hex');
  const quote = await wallet.createLockedMintQuote(10, pubkey);
  it.pay(quote.quote);

  const B_ = Buffer.from(secp256k1.getPublicKey(Buffer.alloc(32, 5))).toString('hex');
  const outputs = [8, 2].map((amount, at) => ({
    amount,
    id: wallet.keysetId,
    B_: at === 0 ? B_ : pubkey,
  }));
  for (const signature of [undefined, 'ab'.repeat(64), 'nonsense']) {
    const refused = await post(it.url, '/v1/mint/bolt11', {
      quote: quote.quote,
      outputs,
      signature,
    });
    expect(refused).toMatchObject({ status: 400, body: { code: 20008 } });
  }

  expect(sumOf(await wallet.mintProofsBolt11(10, quote, { privkey }))).toBe(10);
});

test('a melt pays a foreign invoice and gives back what was too much', async () => {
  const it = await start({ inputFeePpk: 100, feeReserve: 5 });
  const wallet = await walletOf(it.url);
  const proofs = await wallet.receive(it.faucet(200));
  const quote = await wallet.createMeltQuoteBolt11(it.invoice(100));
  expect(quote.amount.toNumber()).toBe(100);
  expect(quote.fee_reserve.toNumber()).toBe(5);

  const { change, quote: paid } = await wallet.meltProofsBolt11(quote, proofs);

  expect(paid.state).toBe(MeltQuoteState.PAID);
  expect(paid.payment_preimage).toMatch(/^[0-9a-f]{64}$/);
  expect(sumOf(proofs) - 100 - sumOf(change)).toBe(1);
  const books = it.books();
  expect(books).toMatchObject({ paidOut: 100, outstanding: sumOf(change) });
  expect(books.outstanding).toBe(books.paidIn - books.paidOut - books.fees);
  const more = await wallet.receive(it.faucet(200));
  await expect(wallet.meltProofsBolt11(quote, more)).rejects.toMatchObject({ code: 20006 });
});

test('a melt to an invoice of the same mint pays that quote, without a reserve', async () => {
  const it = await start();
  const wallet = await walletOf(it.url);
  const proofs = await wallet.receive(it.faucet(50));
  const incoming = await wallet.createMintQuoteBolt11(50);

  const outgoing = await wallet.createMeltQuoteBolt11(incoming.request);
  expect(outgoing.fee_reserve.toNumber()).toBe(0);
  await wallet.meltProofsBolt11(outgoing, proofs);

  expect(sumOf(await wallet.mintProofsBolt11(50, incoming))).toBe(50);
  expect(it.books().outstanding).toBe(50);
});

test('a melt fails or stays pending as told, and its proofs follow', async () => {
  const it = await start();
  const wallet = await walletOf(it.url);
  const proofs = await wallet.receive(it.faucet(64));
  const stateOf = async () => (await wallet.checkProofsStates(proofs))[0]?.state;

  const failing = await wallet.createMeltQuoteBolt11(it.invoice(32));
  it.settleMelt(failing.quote, 'failed');
  await expect(wallet.meltProofsBolt11(failing, proofs)).rejects.toMatchObject({ code: 20004 });
  expect(await stateOf()).toBe(CheckStateEnum.UNSPENT);

  const slow = await wallet.createMeltQuoteBolt11(it.invoice(32));
  it.settleMelt(slow.quote, 'pending');
  expect((await wallet.meltProofsBolt11(slow, proofs)).quote.state).toBe(MeltQuoteState.PENDING);
  expect(await stateOf()).toBe(CheckStateEnum.PENDING);
  await expect(wallet.receive({ mint: it.url, unit: 'sat', proofs })).rejects.toMatchObject({
    code: 11002,
  });
  it.releaseStuck();
  expect(await stateOf()).toBe(CheckStateEnum.PENDING);
  it.settleMelt(slow.quote, 'failed');
  expect(await stateOf()).toBe(CheckStateEnum.UNSPENT);

  await wallet.meltProofsBolt11(slow, proofs);
  it.settleMelt(slow.quote, 'paid');
  expect(await stateOf()).toBe(CheckStateEnum.SPENT);
  const settled = await wallet.checkMeltQuoteBolt11(slow.quote);
  expect(settled.state).toBe(MeltQuoteState.PAID);
  expect(settled.change?.reduce((sum, { amount }) => sum + amount.toNumber(), 0)).toBe(32);
  expect(it.books()).toMatchObject({ outstanding: 32, paidOut: 32 });
});

test('after a rotation old proofs are taken and old outputs are refused', async () => {
  const it = await start();
  const stale = await walletOf(it.url);
  const proofs = await stale.receive(it.faucet(16));
  const old = stale.keysetId;

  const fresh = it.rotate('sat', 1000);

  expect(fresh).not.toBe(old);
  const token = { mint: it.url, unit: 'sat', proofs };
  await expect(stale.receive(token)).rejects.toMatchObject({ code: 12002 });
  const wallet = await walletOf(it.url);
  expect(wallet.keysetId).toBe(fresh);
  await wallet.keyChain.ensureKeysetKeys(old);
  const moved = await wallet.receive(token);
  expect(moved.every(({ id }) => id === fresh)).toBe(true);
  const last = await wallet.receive({ mint: it.url, unit: 'sat', proofs: moved });
  expect(sumOf(moved) - sumOf(last)).toBe(moved.length);
});

test('units have their own keysets and books', async () => {
  const it = await start({ units: ['sat', 'msat'] });
  const wallet = await walletOf(it.url, { unit: 'msat' });
  const quote = await wallet.createMintQuoteBolt11(1500);
  expect(quote.request).toMatch(/^lnbcrt15n1/);
  it.pay(quote.quote);

  await wallet.mintProofsBolt11(1500, quote);
  await wallet.receive(it.faucet(7, 'msat', [4, 1, 1, 1]));

  expect(it.books('msat').outstanding).toBe(1507);
  expect(it.books('sat').issued).toBe(0);
  expect(() => it.faucet(7, 'msat', [4, 4])).toThrow('must sum');
  expect(() => it.faucet(7, 'usd')).toThrow('not supported');
});

test('an auto-paying mint needs no pay()', async () => {
  const it = await start({ autoPay: true });
  const wallet = await walletOf(it.url);
  const quote = await wallet.createMintQuoteBolt11(9);

  expect(quote.state).toBe(MintQuoteState.PAID);
  expect(sumOf(await wallet.mintProofsBolt11(9, quote))).toBe(9);
});

test('the sets tell every spent proof and signed output, and each call is on record', async () => {
  const it = await start();
  const wallet = await walletOf(it.url);
  it.clearCalls();
  const proofs = await wallet.receive(it.faucet(3));
  const outputsBefore = it.signedOutputs().length;
  await wallet.receive({ mint: it.url, unit: 'sat', proofs });

  expect(it.spentYs()).toHaveLength(4);
  expect(it.signedOutputs()).toHaveLength(outputsBefore + 2);
  expect(it.callCount('/v1/swap')).toBe(2);
  expect(it.calls().at(-1)).toMatchObject({ method: 'POST', path: '/v1/swap' });
});
