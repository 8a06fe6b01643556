import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { startMint } from '../../src/demo/mint.ts';
import type { DemoMint } from '../../src/demo/mint.ts';
import { startRelay } from '../../src/demo/relay.ts';
import type { DemoRelay } from '../../src/demo/relay.ts';
import { createKeySigner } from '../../src/nostr/signer.ts';
import { paidChat } from '../interop/paid-chat.ts';
import type { Paid } from '../interop/paid-chat.ts';
import { createPayer } from '../interop/payer.ts';
import type { Payer } from '../interop/payer.ts';
import {
  MODEL,
  nodesOnDisk,
  offered,
  offersOf,
  openMarketplace,
  startBuyer,
} from '../support/marketplace.ts';
import type { Marketplace, MarketplaceOptions } from '../support/marketplace.ts';
import { startNodeFront } from '../support/node-front.ts';
import type { NodeFront } from '../support/node-front.ts';
import { until } from '../support/router-chat.ts';

/** What a payer of a router that has just started waits at most. */
const FIRST_ANSWER_MS = 2_000;
/** The machine that runs this may be busy with other things. */
const MEASUREMENTS = 6;
/** So many, since the router gives each up after some seconds: there is always one that it waits for. */
const STRANGERS = 60;

let mint: DemoMint;
let relay: DemoRelay;
let isMute: boolean;
let payer: Payer;
let world: AsyncDisposableStack;
beforeEach(async () => {
  world = new AsyncDisposableStack();
  isMute = false;
  mint = await startMint({ inputFeePpk: 100, autoPay: true });
  world.defer(() => mint.close());
  relay = await startRelay({ hooks: { onMessage: () => !isMute } });
  world.defer(() => relay.close());
  payer = await createPayer(mint.url);
});
afterEach(() => world.disposeAsync());

async function openMarket(options: Partial<MarketplaceOptions> = {}): Promise<Marketplace> {
  const capital = mint.faucet(3_000);
  const where = { mintUrl: mint.url, relayUrl: relay.url, capital };
  return world.use(await openMarketplace({ ...where, ...options }));
}

async function buy({ router }: Marketplace, stream: boolean): Promise<Paid> {
  const token = await payer.fund(300);
  return paidChat(router.url, token, { stream, model: MODEL, maxTokens: 50 });
}

test.each([
  { what: 'is gone', silence: async () => relay.close() },
  {
    what: 'accepts and never answers',
    silence: async () => {
      isMute = true;
    },
  },
] as const)(
  'a router that knows nodes sells within 2 s of listening, also when its relay $what',
  async ({ silence }) => {
    const market = await openMarket();
    await market.offered(2);
    await buy(market, false);
    await silence();

    const tookMs: number[] = [];
    const paid: Paid[] = [];
    while (tookMs.every((ms) => ms >= FIRST_ANSWER_MS) && tookMs.length < MEASUREMENTS) {
      const token = await payer.fund(300);
      await market.router.stop();
      await market.router.start();
      paid.push(await paidChat(market.router.url, token, { model: MODEL, maxTokens: 50 }));
      tookMs.push(Date.now() - market.router.listeningAtMs);
    }

    expect(Math.min(...tookMs)).toBeLessThan(FIRST_ANSWER_MS);
    expect(paid.map(({ text }) => text)).not.toContain('');
    expect(await offersOf(market.router)).toBe(2);
  },
);

test('a router that was killed knows its nodes as well', async () => {
  const market = await openMarket();
  await market.offered(2);
  await until('they are on disk', async () => (await nodesOnDisk(market.router)) === 2);
  await relay.close();

  await market.router.kill();
  await market.router.start();

  expect(await offersOf(market.router)).toBe(2);
  expect((await buy(market, true)).text).not.toBe('');
});

test('a router that knows nobody sells what one node offers, though the info of the other never comes', async () => {
  const market = await openMarket();
  await market.offered(2);
  const [, dear] = market.nodes;
  const asked = dear.front.asked('/v1/info');
  dear.front.hang('/v1/info');

  const capital = mint.faucet(3_000);
  const where = { mintUrl: mint.url, relayUrl: relay.url, capital };
  const late = world.use(await startBuyer(where));
  await offered(late, 1);
  const paid = await paidChat(late.url, await payer.fund(300), { model: MODEL, maxTokens: 50 });

  expect(paid.text).not.toBe('');
  expect(dear.front.asked('/v1/info')).toBe(asked + 1);
  expect(await offersOf(late)).toBe(1);
});

test('no request waits for a mute relay, strangers that hang, or a slow model list', async () => {
  const [mute, deaf] = [await startMuteRelay(), await startDeafServer()];
  const market = await openMarket({ otherRelays: [mute.url, deaf] });
  await market.offered(2);
  const strangers = await announceStrangers();
  for (const { front } of market.nodes) front.hang('/v1/models');

  await market.router.stop();
  await market.router.start();
  const waited = (): number => strangers.reduce((sum, front) => sum + front.waiting('/v1/info'), 0);
  await until(
    'strangers and model lists are waited for',
    () => waited() > 0 && market.nodes.every(({ front }) => front.waiting('/v1/models') > 0),
  );
  const answers: string[] = [];
  const waitedAtAnswer: number[] = [];
  for (const stream of [false, true, false]) {
    answers.push((await buy(market, stream)).text);
    waitedAtAnswer.push(waited());
  }

  expect(answers).not.toContain('');
  expect(Math.min(...waitedAtAnswer)).toBeGreaterThan(0);
  expect(market.nodes.map(({ front }) => front.waiting('/v1/models'))).toEqual([1, 1]);
  expect(mute.clients().length).toBeGreaterThan(0);
});

async function startMuteRelay(): Promise<DemoRelay> {
  const mute = await startRelay({ hooks: { onMessage: () => false } });
  world.defer(() => mute.close());
  return mute;
}

/** Takes connections and says nothing, not even that it is a relay. */
async function startDeafServer(): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  world.defer(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Announces nodes that take every question and answer none. */
async function announceStrangers(): Promise<readonly NodeFront[]> {
  const fronts: NodeFront[] = [];
  for (let index = 0; index < STRANGERS; index += 1) {
    const front = world.use(await startNodeFront('http://127.0.0.1:9'));
    front.hang('/v1/info');
    fronts.push(front);
    const signer = createKeySigner(randomBytes(32));
    const event = await signer.sign({
      kind: 38_421,
      created_at: Math.floor(Date.now() / 1000),
      tags: [
        ['d', `stranger-${index}`],
        ['u', front.url],
        ['mint', mint.url],
        ['t', 'routstr'],
      ],
      content: JSON.stringify({ name: `stranger ${index}`, about: 'hangs' }),
    });
    relay.store(event);
  }
  return fronts;
}
