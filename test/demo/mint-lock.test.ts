import { createHash, randomBytes } from 'node:crypto';

import type { Proof, Wallet } from '@cashu/cashu-ts';
import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { loadCrypto } from '../../src/crypto/load.ts';
import { startMint } from '../../src/demo/mint.ts';
import type { DemoMint } from '../../src/demo/mint.ts';
import { inputOf, post, sumOf, walletOf } from './mint-wallet.ts';

const ALICE = '11'.repeat(32);
const BOB = '22'.repeat(32);
const keyOf = (privateKey: string) =>
  Buffer.from(secp256k1.getPublicKey(Buffer.from(privateKey, 'hex'))).toString('hex');

let mint: DemoMint;
let wallet: Wallet;
let now = 1_750_000_000_000;

beforeAll(async () => {
  mint = await startMint({ seed: 'locks', clock: { now: () => now } });
  wallet = await walletOf(mint.url);
});

afterAll(() => mint.close());

function token(proofs: Proof[]) {
  return { mint: mint.url, unit: 'sat', proofs };
}

async function locked(options: Parameters<ReturnType<Wallet['ops']['send']>['asP2PK']>[0]) {
  const proofs = await wallet.receive(mint.faucet(4));
  return (await wallet.ops.send(4, proofs).asP2PK(options).run()).send;
}

/** Spends a proof with any secret and witness, raw. */
async function spend(proof: Proof, secret: string, witness?: object) {
  const [fresh] = await wallet.receive(mint.faucet(4));
  const input = { ...inputOf(proof), secret, ...(witness && { witness: JSON.stringify(witness) }) };
  return post(mint.url, '/v1/swap', { inputs: [input], outputs: [blankOf(fresh)] });
}

function blankOf(like: Proof | undefined): object {
  const key = secp256k1.getPublicKey(secp256k1.utils.randomSecretKey());
  return { amount: 4, id: like?.id, B_: Buffer.from(key).toString('hex') };
}

const sign = (message: string, privateKey: string) =>
  Buffer.from(
    schnorr.sign(createHash('sha256').update(message).digest(), Buffer.from(privateKey, 'hex')),
  ).toString('hex');

test('a locked proof needs the signature of its key', async () => {
  const proofs = await locked({ pubkey: keyOf(ALICE) });

  await expect(wallet.receive(token(proofs))).rejects.toMatchObject({ code: 20_008 });
  const stolen = { signatures: [sign(proofs[0]?.secret ?? '', BOB)] };
  expect((await spend(proofs[0] as Proof, proofs[0]?.secret ?? '', stolen)).body['code']).toBe(
    20_008,
  );
  expect(sumOf(await wallet.receive(token(proofs), { privkey: ALICE }))).toBe(4);
});

test('two of two keys must sign, and one key twice is one signer', async () => {
  const proofs = await locked({ pubkey: [keyOf(ALICE), keyOf(BOB)], requiredSignatures: 2 });
  const [proof] = proofs as [Proof];

  const twice = { signatures: [sign(proof.secret, ALICE), sign(proof.secret, ALICE)] };
  expect((await spend(proof, proof.secret, twice)).body['code']).toBe(20_008);
  expect(sumOf(await wallet.receive(token(proofs), { privkey: [ALICE, BOB] }))).toBe(4);
});

test('after the locktime the refund key works too, without one anybody', async () => {
  const locktime = Math.floor(Date.now() / 1000) + 3600;
  const refundable = await locked({
    pubkey: keyOf(ALICE),
    locktime,
    refundKeys: [keyOf(BOB)],
  });
  const open = await locked({ pubkey: keyOf(ALICE), locktime });
  const [proof] = refundable as [Proof];
  const byBob = { signatures: [sign(proof.secret, BOB)] };

  now = (locktime - 1) * 1000;
  expect((await spend(proof, proof.secret, byBob)).body['code']).toBe(20_008);
  expect((await spend(open[0] as Proof, open[0]?.secret ?? '')).body['code']).toBe(20_008);
  now = (locktime + 1) * 1000;
  expect((await spend(proof, proof.secret)).body['code']).toBe(20_008);
  expect((await spend(proof, proof.secret, byBob)).status).toBe(200);
  expect((await spend(open[0] as Proof, open[0]?.secret ?? '')).status).toBe(200);
});

test('SIG_ALL covers the outputs too', async () => {
  const proofs = await locked({ pubkey: keyOf(ALICE), sigFlag: 'SIG_ALL' });
  const [proof] = proofs as [Proof];
  const onlyInput = { signatures: [sign(proof.secret, ALICE)] };

  expect((await spend(proof, proof.secret, onlyInput)).body['code']).toBe(20_008);
  expect(sumOf(await wallet.receive(token(proofs), { privkey: ALICE }))).toBe(4);
});

test('SIG_ALL inputs must share their conditions', async () => {
  const [one] = (await locked({ pubkey: keyOf(ALICE), sigFlag: 'SIG_ALL' })) as [Proof];
  const [other] = (await locked({ pubkey: keyOf(BOB), sigFlag: 'SIG_ALL' })) as [Proof];
  const plain = await wallet.receive(mint.faucet(4));
  for (const second of [other, ...plain]) {
    const outputs = [blankOf(one), blankOf(one)] as { amount: number; B_: string }[];
    const message = [one, second].map(({ secret, C }) => secret + C).join('');
    const tail = outputs.map(({ amount, B_ }) => `${amount}${B_}`).join('');
    const witness = JSON.stringify({ signatures: [sign(message + tail, ALICE)] });
    const inputs = [{ ...inputOf(one), witness }, inputOf(second)];

    const answer = await post(mint.url, '/v1/swap', { inputs, outputs });

    expect(answer.body).toMatchObject({ code: 20_008, detail: expect.stringContaining('share') });
  }
});

test('a secret that is not well-formed or means two things is never spendable', async () => {
  const data = keyOf(ALICE);
  const evil = keyOf(BOB);
  const odd = [
    `["P2PK",{"nonce":"00","data":"${evil}","data":"${data}"}]`,
    `["P2PK",{"nonce":"00","data":"${data}","tags":[["locktime","-5"]]}]`,
    `["P2PK",{"nonce":"00","data":"${data}","tags":[["locktime","1"],["locktime","2"]]}]`,
    `["P2PK",{"nonce":"00","data":"${data}","tags":[["n_sigs",1]]}]`,
    `["P2PK",{"nonce":"00","data":"${data}","tags":{}}]`,
    `["P2PK",{"nonce":"00","data":"${data}","tags":[["sigflag","SIG_NONE"]]}]`,
    `["P2PK",{"nonce":"00","data":"nobody"}]`,
    `["P2PK",{"data":"${data}"}]`,
    `["P2PK",{"nonce":"00","data":"${data}"},1]`,
    `["P2PK",{"nonce":"00","data":"${data}"}`,
  ];
  const crypto = loadCrypto();
  for (const secret of odd) {
    const [fresh] = await wallet.receive(mint.faucet(4));
    const r = randomBytes(32);
    const B_ = Buffer.from(crypto.blind(Buffer.from(secret), r)).toString('hex');
    const signed = await post(mint.url, '/v1/swap', {
      inputs: [inputOf(fresh as Proof)],
      outputs: [{ amount: 4, id: wallet.keysetId, B_ }],
    });
    const [signature] = signed.body['signatures'] as { C_: string }[];
    const mintKey = Buffer.from(wallet.getKeyset().keys[4] ?? '', 'hex');
    const C = crypto.unblind(Buffer.from(signature?.C_ ?? '', 'hex'), r, mintKey);
    const proof = { ...(fresh as Proof), C: Buffer.from(C).toString('hex') };

    const witness = { signatures: [sign(secret, ALICE), sign(secret, BOB)] };
    const answer = await spend(proof, secret, witness);

    expect([secret, answer.body['code']]).toEqual([secret, 20_008]);
  }
});
