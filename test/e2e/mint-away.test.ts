import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import OpenAI from 'openai';
import { expect, test } from 'vitest';

import { startMint } from '../../src/demo/mint.ts';
import type { DemoMint, MintOptions } from '../../src/demo/mint.ts';
import type { Fault } from '../../src/demo/mint/fault.ts';
import { changeOf, chat, costOf, refund, until } from '../support/router-chat.ts';
import { MODEL, receiveAt, routerWorld } from '../support/router-world.ts';

/** A mint that can be stopped and started again with all it knows, where it was. */
interface LastingMint extends AsyncDisposable {
  readonly url: string;
  running: DemoMint;
  start(): Promise<void>;
}

async function lastingMint(): Promise<LastingMint> {
  const folder = await mkdtemp(join(tmpdir(), 'nutroute-mint-'));
  const options: MintOptions = { stateFile: join(folder, 'state'), inputFeePpk: 100 };
  const first = await startMint(options);
  const port = Number(new URL(first.url).port);
  const mint: LastingMint = {
    url: first.url,
    running: first,
    async start() {
      mint.running = await startMint({ ...options, port });
    },
    async [Symbol.asyncDispose]() {
      await mint.running.close();
      await rm(folder, { recursive: true });
    },
  };
  return mint;
}

test('a mint that is down: 503, nothing taken; when it is back the same token works', async () => {
  await using mint = await lastingMint();
  await using world = await routerWorld({ otherMints: [mint.url] });
  const token = mint.running.faucet(1000);
  await mint.running.close();

  const down = await chat(world.url, token);
  const refused = await down.json();
  const other = await chat(world.url, world.fund(1000));
  await mint.start();
  const up = await chat(world.url, token);

  expect(down.status).toBe(503);
  expect(refused.error?.code).toBe('cashu_mint_unreachable');
  expect(down.headers['retry-after']).toBeDefined();
  expect(other.status).toBe(200);
  expect(up.status).toBe(200);
  const body = await up.json();
  const change = changeOf(up, body);
  expect(costOf(body)).toBeGreaterThan(0);
  expect(await receiveAt(mint, change)).toBeGreaterThan(990_000);
});

test('a mint that was down: the payer may as well spend the token elsewhere', async () => {
  await using mint = await lastingMint();
  await using world = await routerWorld({ otherMints: [mint.url] });
  const token = mint.running.faucet(1000);
  await mint.running.close();

  const down = await chat(world.url, token);
  await mint.start();

  expect(down.status).toBe(503);
  expect(await receiveAt(mint, token)).toBe(999_000);
  // The wallet's own swap is the only one the mint ever saw.
  expect(mint.running.callCount('/v1/swap')).toBe(1);
  expect(world.model.requestCount).toBe(0);
});

const FAULTS: readonly (readonly [string, Omit<Fault, 'path'>])[] = [
  ['drops the request', { kind: 'drop' }],
  ['refuses with 503', { kind: 'refuse', status: 503 }],
  ['answers 400 with code 0', { kind: 'refuse', status: 400, code: 0 }],
  ['answers 400 with code 50000', { kind: 'refuse', status: 400, code: 50_000 }],
  ['answers 429', { kind: 'refuse', status: 429 }],
  ['answers what is no JSON', { kind: 'garble' }],
];

test.each(FAULTS)(
  'a mint that %s and did nothing: 503, and the token is spendable elsewhere; we send nothing more for it',
  async (_, fault) => {
    await using world = await routerWorld();
    const token = world.fund(1000);
    world.mint.addFault({ path: '/v1/swap', times: 100, ...fault });

    const answer = await chat(world.url, token);
    const ours = world.mint.callCount('/v1/swap');
    const looks = world.mint.callCount('/v1/checkstate');
    world.mint.clearFaults();
    // Where it is not certain what the mint did, its records are looked at, with nobody waiting any more.
    if (fault.status !== 429) {
      await until('it was looked at', () => world.mint.callCount('/v1/checkstate') > looks);
    }
    expect(world.mint.callCount('/v1/swap')).toBe(ours);

    expect(answer.status).toBe(503);
    expect((await answer.json()).error?.code).toMatch(/^cashu_mint_/);
    expect(await world.receive(token)).toBe(999_000);
    // The wallet's own swap is the only one that followed.
    expect(world.mint.callCount('/v1/swap')).toBe(ours + 1);
    expect(world.model.requestCount).toBe(0);
    expect(await world.faults()).toEqual([]);
  },
);

test.each([
  ...FAULTS.filter(([, { status }]) => status !== 429),
  ['swaps and loses the answer', { kind: 'drop', when: 'after' }],
  ['swaps and answers 500', { kind: 'refuse', status: 500, when: 'after' }],
  ['swaps and answers what is no JSON', { kind: 'garble', when: 'after' }],
] as const)(
  'a mint that %s, and is dead for a while: the same token is served when it is presented again',
  async (_, fault) => {
    await using world = await routerWorld();
    const token = world.fund(1000);
    world.mint.addFault({ path: '/v1/swap', ...fault });
    world.mint.addFault({ path: '/v1/*', kind: 'drop', times: 100 });

    const dead = await chat(world.url, token);
    world.mint.clearFaults();
    const alive = await chat(world.url, token);

    expect([dead.status, alive.status]).toEqual([503, 200]);
    const change = changeOf(alive, await alive.json());
    expect(await world.receive(change)).toBeGreaterThan(990_000);
    expect(world.model.requestCount).toBe(1);
    expect(await world.faults()).toEqual([]);
  },
);

test.each([
  ['drops the request', { kind: 'drop' }],
  ['swaps and loses the answer', { kind: 'drop', when: 'after' }],
] as const)(
  'a mint that %s once: the payer, who still waits, is served by the same request',
  async (_, fault) => {
    await using world = await routerWorld();
    world.mint.addFault({ path: '/v1/swap', ...fault });

    const answer = await chat(world.url, world.fund(1000));

    expect(answer.status).toBe(200);
    expect(await world.faults()).toEqual([]);
  },
);

test('B10: a mint that swaps and never tells: the SDK’s own resend is served, and nothing is lost', async () => {
  await using world = await routerWorld();
  const token = world.fund(1000);
  world.mint.addFault({ path: '/v1/swap', kind: 'drop', when: 'after' });
  const openai = new OpenAI({ apiKey: token, baseURL: `${world.url}/v1` });

  const answer = await openai.chat.completions.create({
    model: MODEL,
    messages: [{ role: 'user', content: 'Hello' }],
  });

  expect(answer.choices).toHaveLength(1);
  expect(world.mint.books().spent).toBe(1000);
  expect((await refund(world.url, token)).status).toBe(200);
  expect(await world.faults()).toEqual([]);
});

test('a mint whose inputs hang PENDING: 503 until its operator frees them, then the same token is served', async () => {
  await using world = await routerWorld();
  const token = world.fund(1000);
  world.mint.addFault({ path: '/v1/swap', kind: 'pending' });

  const first = await chat(world.url, token);
  const second = await chat(world.url, token);
  world.mint.releaseStuck();
  const third = await chat(world.url, token);

  expect([first.status, second.status, third.status]).toEqual([503, 503, 200]);
  expect(await world.faults()).toEqual([]);
});
