import { OutputData } from '@cashu/cashu-ts';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { startMint } from '../../src/demo/mint.ts';
import type { DemoMint } from '../../src/demo/mint.ts';
import { inputOf, post, walletOf } from './mint-wallet.ts';

let mint: DemoMint;
let now = 1_750_000_000_000;

beforeEach(async () => {
  mint = await startMint({ cacheTtlS: 60, clock: { now: () => now }, seed: 'faults' });
});

afterEach(() => mint.close());

/** A swap that would work, ready to be sent any number of times. */
async function goodSwap(): Promise<object> {
  const wallet = await walletOf(mint.url);
  const inputs = wallet.decodeToken(mint.faucet(2)).proofs.map(inputOf);
  const outputs = OutputData.createRandomData(2, wallet.getKeyset()).map(({ blindedMessage }) => ({
    ...blindedMessage,
    amount: blindedMessage.amount.toNumber(),
  }));
  return { inputs, outputs };
}

const spentCount = () => mint.spentYs().length;

test('a refusal has the status, code and detail that were planned, so many times, and does nothing', async () => {
  const body = await goodSwap();
  mint.addFault({ path: '/v1/swap', kind: 'refuse', status: 400, code: 0, detail: 'locked' });
  mint.addFault({ path: '/v1/swap', kind: 'refuse', status: 400, code: 50_000 });
  mint.addFault({ path: '/v1/*', kind: 'refuse', status: 429, times: 2 });
  mint.addFault({ path: '/v1/swap', kind: 'refuse' });

  const answers = [];
  for (let turn = 0; turn < 5; turn++) answers.push(await post(mint.url, '/v1/swap', body));

  expect(answers).toEqual([
    { status: 400, body: { code: 0, detail: 'locked' } },
    { status: 400, body: { code: 50_000, detail: 'refused on demand' } },
    { status: 429, body: { detail: 'refused on demand' } },
    { status: 429, body: { detail: 'refused on demand' } },
    { status: 503, body: { detail: 'refused on demand' } },
  ]);
  expect(spentCount()).toBe(0);
  expect((await post(mint.url, '/v1/swap', body)).status).toBe(200);
});

test('a fault lets pass the calls it should skip and leaves other paths alone', async () => {
  mint.addFault({ path: '/v1/keysets', kind: 'refuse', skip: 1 });

  const status = async (path: string) => (await fetch(mint.url + path)).status;
  expect([
    await status('/v1/keysets'),
    await status('/v1/keys'),
    await status('/v1/keysets'),
    await status('/v1/keysets'),
  ]).toEqual([200, 200, 503, 200]);
});

test('a dropped request was not executed, a dropped response was', async () => {
  const body = await goodSwap();
  mint.addFault({ path: '/v1/swap', kind: 'drop' });
  await expect(post(mint.url, '/v1/swap', body)).rejects.toThrow('fetch failed');
  expect(spentCount()).toBe(0);

  mint.addFault({ path: '/v1/swap', kind: 'drop', when: 'after' });
  await expect(post(mint.url, '/v1/swap', body)).rejects.toThrow('fetch failed');
  expect(spentCount()).toBe(1);
});

test('with NUT-19 the same bytes get the same answer for its ttl, then 11001', async () => {
  const body = await goodSwap();
  const first = await post(mint.url, '/v1/swap', body);
  expect(first.status).toBe(200);
  expect(await post(mint.url, '/v1/swap', body)).toEqual(first);

  now += 61_000;

  expect((await post(mint.url, '/v1/swap', body)).body['code']).toBe(11_001);
});

test('without NUT-19 the same bytes get 11001 at once', async () => {
  const body = await goodSwap();
  await mint.close();
  mint = await startMint({ seed: 'faults' });

  const again = await post(mint.url, '/v1/swap', body);
  expect(again.status).toBe(200);
  expect((await post(mint.url, '/v1/swap', body)).body['code']).toBe(11_001);
});

test('a delayed call is answered late and well', async () => {
  mint.addFault({ path: '/v1/info', kind: 'delay', ms: 60 });
  const started = performance.now();

  expect((await fetch(`${mint.url}/v1/info`)).status).toBe(200);
  expect(performance.now() - started).toBeGreaterThan(50);
});

test('a hanging call never answers, and closing the mint ends it', async () => {
  const body = await goodSwap();
  mint.addFault({ path: '/v1/swap', kind: 'hang', when: 'after' });
  mint.addFault({ path: '/v1/swap', kind: 'hang' });
  const hanging = post(mint.url, '/v1/swap', body);
  hanging.catch(() => undefined);
  const first = await Promise.race([
    hanging.then(() => 'answered'),
    fetch(`${mint.url}/v1/info`).then(() => 'other call answered'),
  ]);

  expect(first).toBe('other call answered');
  expect(spentCount()).toBe(1);
  await mint.close();
  await expect(hanging).rejects.toThrow('fetch failed');
});

test('a garbled answer is a 200 that is no JSON', async () => {
  mint.addFault({ path: '/v1/info', kind: 'garble' });
  const response = await fetch(`${mint.url}/v1/info`);

  expect(response.status).toBe(200);
  await expect(response.json()).rejects.toThrow(SyntaxError);
});

test('inputs can get stuck PENDING for ever, until the operator frees them', async () => {
  const body = await goodSwap();
  mint.addFault({ path: '/v1/swap', kind: 'pending' });
  await expect(post(mint.url, '/v1/swap', body)).rejects.toThrow('fetch failed');

  expect((await post(mint.url, '/v1/swap', body)).body['code']).toBe(11_002);
  expect(spentCount()).toBe(0);
  mint.releaseStuck();
  expect((await post(mint.url, '/v1/swap', body)).status).toBe(200);
});

test('planned faults can be taken back', async () => {
  mint.addFault({ path: '*', kind: 'hang', times: 10 });
  mint.clearFaults();

  expect((await fetch(`${mint.url}/v1/info`)).status).toBe(200);
});
