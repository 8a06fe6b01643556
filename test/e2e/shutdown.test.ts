import { setTimeout as sleep } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { startMint } from '../../src/demo/mint.ts';
import type { DemoMint } from '../../src/demo/mint.ts';
import { startModelServer } from '../../src/demo/model-server.ts';
import type { ModelServer } from '../../src/demo/model-server.ts';
import { changeOf, chat, costOf, info, until } from '../support/router-chat.ts';
import type { Answer } from '../support/router-chat.ts';
import { startRouter, UPSTREAM_KEY } from '../support/router-process.ts';
import type { RouterProcess } from '../support/router-process.ts';
import { MODEL, receiveAt } from '../support/router-world.ts';
import { keepOutOfLogs } from '../support/test-log.ts';

interface ProcessWorld extends AsyncDisposable {
  readonly mint: DemoMint;
  readonly model: ModelServer;
  readonly router: RouterProcess;
  /** A fresh token, which no log may tell. */
  fund(sat: number): string;
}

/** `nutroute serve` as a process, its mint and upstream in this one. */
async function processWorld(): Promise<ProcessWorld> {
  const mint = await startMint({ inputFeePpk: 100 });
  const model = await startModelServer({ apiKey: UPSTREAM_KEY });
  const price = { unit: 'sat', input: 5_000, output: 50_000 };
  const router = await startRouter({
    mints: [mint.url],
    bitcoin: { usd: 100_000 },
    providers: [
      {
        id: 'upstream',
        kind: 'openai',
        baseUrl: model.url,
        apiKey: 'env:UPSTREAM_KEY',
        models: [{ id: MODEL, context: 131_072, maxOutput: 8_192, price }],
      },
    ],
  });
  return {
    mint,
    model,
    router,
    fund(sat) {
      const token = mint.faucet(sat);
      keepOutOfLogs(token);
      return token;
    },
    async [Symbol.asyncDispose]() {
      await router[Symbol.asyncDispose]();
      await Promise.all([model.close(), mint.close()]);
    },
  };
}

test('SIGTERM under running streams: no new requests, the running ones finish, everything settles, exit 0', async () => {
  await using world = await processWorld();
  const { mint, model, router } = world;
  const tokens = [world.fund(1000), world.fund(1000), world.fund(1000)];
  model.hold(3);
  const streams = await Promise.all(
    tokens.map((token) => chat(router.url, token, { fields: { stream: true } })),
  );
  const oneMore = world.fund(100);

  const stopping = router.stop();
  await until('new requests are turned away', () => isTurnedAway(router.url, oneMore));
  model.release();
  const ends = await Promise.all(streams.map(endOf));
  const code = await stopping;

  expect(code).toBe(0);
  for (const { cost, change, isDone } of ends) {
    expect(isDone).toBe(true);
    expect(cost).toBeGreaterThan(0);
    const received = await receiveAt(mint, change);
    expect(received).toBeGreaterThan(990_000);
  }
  expect(
    await router.doctor().then(({ checks }) => checks.find(({ name }) => name === 'books')),
  ).toMatchObject({ ok: true });
  // Whom it turned away it took nothing from.
  expect(await receiveAt(mint, oneMore)).toBe(99_000);
}, 60_000);

test('a second SIGTERM ends at once; after the restart the payer is charged for what it was sent, and has the rest', async () => {
  await using world = await processWorld();
  const { model, router } = world;
  const token = world.fund(1000);
  model.hold(4);
  const stream = await chat(router.url, token, { fields: { stream: true } });
  for (let chunk = 0; chunk < 4; chunk++) await stream.next();
  // Long enough for the lease to carry what was sent.
  await sleep(2_500);

  process.kill(router.pid, 'SIGTERM');
  await sleep(700);
  const before = performance.now();
  const code = await router.stop();
  const tookMs = performance.now() - before;
  await stream.text().catch(() => 'cut off');
  await router.start();

  expect(code).toBe(143);
  // Not the 30 s of a drain.
  expect(tookMs).toBeLessThan(10_000);
  const { balance, reserved } = await info(router.url, token);
  expect(reserved).toBe(0);
  expect(999_000 - balance).toBeGreaterThan(0);
  expect(999_000 - balance).toBeLessThan(1_000);
  expect(await router.doctor()).toMatchObject({ ok: true });
}, 60_000);

async function isTurnedAway(url: string, token: string): Promise<boolean> {
  try {
    const answer = await chat(url, token, { fields: { model: 'no-such' } });
    return answer.status === 503;
  } catch {
    // It listens no more.
    return true;
  }
}

async function endOf(
  stream: Answer,
): Promise<{ readonly cost: number; readonly change: string; readonly isDone: boolean }> {
  const text = await stream.text();
  const events = text.split('\n\n').filter((event) => event.startsWith('data: {'));
  const last = JSON.parse((events.at(-1) ?? '').slice('data: '.length)) as Parameters<
    typeof costOf
  >[0];
  return {
    cost: costOf(last),
    change: changeOf(stream, last),
    isDone: text.endsWith('data: [DONE]\n\n'),
  };
}
