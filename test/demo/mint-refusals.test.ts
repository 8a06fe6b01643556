import { createHash, randomBytes } from 'node:crypto';

import { OutputData } from '@cashu/cashu-ts';
import type { Proof, Wallet } from '@cashu/cashu-ts';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { startMint } from '../../src/demo/mint.ts';
import type { DemoMint } from '../../src/demo/mint.ts';
import { inputOf, post, walletOf } from './mint-wallet.ts';

let mint: DemoMint;
let wallet: Wallet;
let keysetId: string;

beforeAll(async () => {
  mint = await startMint({ units: ['sat', 'msat'], inputFeePpk: 0, seed: 'refusals' });
  wallet = await walletOf(mint.url);
  keysetId = wallet.keysetId;
});

afterAll(() => mint.close());

async function proofsOf(amount: number, of: Wallet = wallet): Promise<Proof[]> {
  const token = mint.faucet(amount, of.unit);
  const decoded = of.decodeToken(token);
  return Promise.resolve(decoded.proofs);
}

function outputsOf(amount: number, id = keysetId): object[] {
  const keyset = wallet.getKeyset(id === keysetId ? id : undefined);
  return OutputData.createRandomData(amount, keyset).map(({ blindedMessage }) => ({
    amount: blindedMessage.amount.toNumber(),
    id,
    B_: blindedMessage.B_,
  }));
}

async function swap(inputs: unknown, outputs: unknown) {
  return post(mint.url, '/v1/swap', { inputs, outputs });
}

test('refusals carry the codes of the specification, and nothing is done', async () => {
  const good = await proofsOf(4);
  const inputs = good.map(inputOf);
  const msat = await walletOf(mint.url, { unit: 'msat' });
  const foreign = (await proofsOf(4, msat)).map(inputOf);
  const signed = outputsOf(4);
  await swap((await proofsOf(4)).map(inputOf), signed);
  const twice = outputsOf(4);
  const before = mint.books();

  const cases: [string, unknown, unknown, number][] = [
    ['unbalanced', inputs, outputsOf(5), 11005],
    ['no inputs', [], outputsOf(4), 11005],
    ['no outputs', inputs, [], 11005],
    ['a proof twice', [...inputs, ...inputs], outputsOf(8), 11007],
    ['an output twice', inputs, [...outputsOf(0), ...twice, ...twice], 11008],
    ['outputs signed before', inputs, signed, 11003],
    ['an unknown keyset of outputs', inputs, outputsOf(4, '01ff'), 12001],
    [
      'an unknown keyset of inputs',
      inputs.map((input) => ({ ...input, id: '01ff' })),
      outputsOf(4),
      12001,
    ],
    ['a wrong amount', inputs.map((input) => ({ ...input, amount: 8 })), outputsOf(8), 10001],
    ['no such amount', inputs.map((input) => ({ ...input, amount: 3 })), outputsOf(3), 10001],
    [
      'a wrong C',
      inputs.map((input) => ({ ...input, C: `02${'11'.repeat(32)}` })),
      outputsOf(4),
      10001,
    ],
    [
      'a wrong secret',
      inputs.map((input) => ({ ...input, secret: 'another' })),
      outputsOf(4),
      10001,
    ],
    [
      'a secret too long',
      inputs.map((input) => ({ ...input, secret: 'x'.repeat(1025) })),
      outputsOf(4),
      10001,
    ],
    ['units mixed', [...inputs, ...foreign], outputsOf(8), 11009],
    ['another unit', foreign, outputsOf(4), 11010],
    ['1001 inputs', Array.from({ length: 1001 }, () => inputs[0]), outputsOf(4), 11014],
    ['1001 outputs', inputs, Array.from({ length: 1001 }, () => twice[0]), 11015],
  ];
  for (const [name, badInputs, outputs, code] of cases) {
    const answer = await swap(badInputs, outputs);
    expect([name, answer.status, answer.body['code']]).toEqual([name, 400, code]);
    expect(typeof answer.body['detail']).toBe('string');
  }

  expect(mint.books()).toEqual(before);
  expect((await swap(inputs, outputsOf(4))).status).toBe(200);
});

test('of five races for the same proofs one wins and the others hear 11001', async () => {
  const inputs = (await proofsOf(8)).map(inputOf);

  const answers = await Promise.all([1, 2, 3, 4, 5].map(() => swap(inputs, outputsOf(8))));

  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(answers.filter(({ body }) => body['code'] === 11001)).toHaveLength(4);
});

test('1000 inputs and outputs of one swap are taken', async () => {
  const token = mint.faucet(
    1000,
    'sat',
    Array.from({ length: 1000 }, () => 1),
  );
  const inputs = wallet.decodeToken(token).proofs.map(inputOf);
  const outputs = Array.from({ length: 1000 }, () => outputsOf(1)).flat();

  const answer = await swap(inputs, outputs);

  expect(answer.status).toBe(200);
  expect(answer.body['signatures']).toHaveLength(1000);
});

test('bodies of another shape get 422, too large ones 413, unknown paths 404', async () => {
  const [input] = (await proofsOf(1)).map(inputOf);
  const bad: [string, unknown][] = [
    ['/v1/swap', 'no json'],
    ['/v1/swap', []],
    ['/v1/swap', {}],
    ['/v1/swap', { inputs: [{ ...input, amount: '1' }], outputs: outputsOf(1) }],
    ['/v1/swap', { inputs: [{ ...input, C: 'nothing' }], outputs: outputsOf(1) }],
    ['/v1/swap', { inputs: [5], outputs: outputsOf(1) }],
    ['/v1/checkstate', { Ys: ['garbage'] }],
    ['/v1/checkstate', { Ys: Array.from({ length: 1001 }, () => `02${'11'.repeat(32)}`) }],
    ['/v1/mint/quote/bolt11', { amount: 0, unit: 'sat' }],
    ['/v1/mint/quote/bolt11', { amount: 2 ** 50, unit: 'sat' }],
    ['/v1/melt/quote/bolt11', { request: 'lnbc1nothing', unit: 'sat' }],
  ];
  for (const [path, body] of bad) {
    expect([path, (await post(mint.url, path, body)).status]).toEqual([path, 422]);
  }
  expect((await post(mint.url, '/v1/swap', 'x'.repeat(1_048_577))).status).toBe(413);
  expect((await post(mint.url, '/v1/dance', {})).status).toBe(404);
  expect((await fetch(`${mint.url}/v1/swap`)).status).toBe(404);
});

test('unknown quotes, units and keysets are refused', async () => {
  const unknown = { quote: 'nobody', outputs: outputsOf(1), inputs: [] };
  expect((await post(mint.url, '/v1/mint/bolt11', unknown)).body['code']).toBe(20007);
  expect((await post(mint.url, '/v1/melt/bolt11', unknown)).body['code']).toBe(20007);
  expect(
    (await post(mint.url, '/v1/mint/quote/bolt11', { amount: 1, unit: 'usd' })).body['code'],
  ).toBe(11010);
  const keys = await fetch(`${mint.url}/v1/keys/01ff`);
  expect(await keys.json()).toMatchObject({ code: 12001 });
});

test('restore answers only what was signed, in the order asked', async () => {
  const outputs = outputsOf(6);
  const inputs = (await proofsOf(6)).map(inputOf);
  const signed = await swap(inputs, outputs);
  const asked = [...outputs.toReversed(), ...outputsOf(1)];

  const restored = await post(mint.url, '/v1/restore', { outputs: asked });

  expect(restored.body['outputs']).toEqual(outputs.toReversed());
  expect(restored.body['signatures']).toEqual(
    (signed.body['signatures'] as unknown[]).toReversed(),
  );
});

test('keyset ids commit to keys, unit and fee', async () => {
  const keysets = (await (await fetch(`${mint.url}/v1/keys`)).json()) as {
    keysets: { id: string; unit: string; keys: Record<string, string> }[];
  };
  expect(keysets.keysets.map(({ unit }) => unit)).toEqual(['sat', 'msat']);
  for (const { id, unit, keys } of keysets.keysets) {
    const text = Object.entries(keys).map(([amount, key]) => `${amount}:${key}`);
    const hash = createHash('sha256')
      .update(`${text.join(',')}|unit:${unit}`)
      .digest('hex');
    expect(id).toBe(`01${hash}`);
  }
});

test('a Y that nobody has seen is unspent', async () => {
  const Y = `02${randomBytes(32).toString('hex')}`;
  const answer = await post(mint.url, '/v1/checkstate', { Ys: [Y] });

  expect(answer.body).toEqual({ states: [{ Y, state: 'UNSPENT', witness: null }] });
});
