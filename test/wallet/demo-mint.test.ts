import { Mint, Wallet } from '@cashu/cashu-ts';
import { expect, onTestFinished, test } from 'vitest';

import { loadCrypto } from '../../src/crypto/load.ts';
import { startMint } from '../../src/demo/mint.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createBreaker } from '../../src/wallet/breaker.ts';
import { createMintClient } from '../../src/wallet/mint-client.ts';
import { createOutputCreator } from '../../src/wallet/output-creator.ts';

const crypto = loadCrypto();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

async function setUp() {
  const mint = await startMint({ inputFeePpk: 100 });
  onTestFinished(() => mint.close());
  const client = createMintClient(mint.url, { breaker: createBreaker({ clock: systemClock }) });
  onTestFinished(() => client.close());
  const wallet = new Wallet(new Mint(mint.url), {
    unit: 'sat',
    bip39seed: new Uint8Array(64).fill(3),
    outputDataCreator: createOutputCreator(crypto),
    requireSigDleq: true,
  });
  await wallet.loadMint();
  return { mint, client, wallet };
}

test('a cashu-ts wallet on our crypto receives a token and can spend what it got', async () => {
  const { mint, wallet } = await setUp();

  const received = await wallet.receive(mint.faucet(100));
  const again = await wallet.receive({ mint: mint.url, unit: 'sat', proofs: received });

  expect(received.reduce((sum, { amount }) => sum + amount.toNumber(), 0)).toBe(99);
  expect(again.reduce((sum, { amount }) => sum + amount.toNumber(), 0)).toBe(98);
});

test('our client swaps, is told the states and gets signatures restored', async () => {
  const { mint, client, wallet } = await setUp();
  const [proof] = await wallet.receive(mint.faucet(9));
  if (proof === undefined) throw new Error('nothing was received');
  const outputs = createOutputCreator(crypto).createRandomData(7, wallet.getKeyset(proof.id));
  const body = {
    inputs: [{ id: proof.id, amount: 8, secret: proof.secret, C: proof.C }],
    outputs: outputs.map(({ blindedMessage: { amount, B_, id } }) => ({
      amount: amount.toNumber(),
      B_,
      id,
    })),
  };
  const y = crypto.hashToCurve(Buffer.from(proof.secret));
  const blinded = outputs.map(({ blindedMessage }) => Buffer.from(blindedMessage.B_, 'hex'));

  expect(await client.check([y])).toEqual(['UNSPENT']);
  expect(await client.restore(proof.id, blinded)).toEqual([undefined, undefined, undefined]);
  const signatures = await client.swap(Buffer.from(JSON.stringify(body)));

  expect(signatures.map(({ amount }) => amount)).toEqual([4n, 2n, 1n]);
  expect(await client.check([y])).toEqual(['SPENT']);
  const restored = await client.restore(proof.id, blinded);
  expect(restored.map((found) => hex(found?.C_ ?? y))).toEqual(signatures.map(({ C_ }) => hex(C_)));
  await expect(client.swap(Buffer.from(JSON.stringify(body)))).rejects.toMatchObject({
    reason: 'spent',
    code: 11001,
  });
});
