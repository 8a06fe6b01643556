import { setTimeout as sleep } from 'node:timers/promises';

import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { MARKUP, MODEL, offersOf, openMarketplace, PRICES } from '../support/marketplace.ts';
import type { Marketplace, SellingNode } from '../support/marketplace.ts';
import { PROMPT_CANARY } from '../support/test-log.ts';
import { startKhatru } from './khatru.ts';
import type { Khatru } from './khatru.ts';
import { startNutshell } from './nutshell.ts';
import type { Nutshell } from './nutshell.ts';
import { paidChat, refund } from './paid-chat.ts';
import type { Paid } from './paid-chat.ts';
import { createPayer } from './payer.ts';
import type { Payer } from './payer.ts';

const mintFolder = process.env['NUTROUTE_INTEROP_NUTSHELL'] ?? '';
const relayFolder = process.env['NUTROUTE_INTEROP_KHATRU'] ?? '';

const CAPITAL_SAT = 2_000;
const TOKEN_SAT = 500;
const MAX_TOKENS = 200;
/** What buying costs a request in mint fees and dust: a balance serves many, and else a token each. */
const MAX_OVERHEAD_MSAT = { balance: 500, request: 4_000 };
const REST_TIMEOUT_MS = 20_000;

/** Everybody of a whole network, each a process of its own; sums in sat. */
interface World extends AsyncDisposable {
  readonly mint: Nutshell;
  readonly relay: Khatru;
  readonly market: Marketplace;
  readonly payer: Payer;
  /** What the payer has in its wallet of all that came back. */
  keptSat: number;
  /** What was minted. */
  fundedSat: number;
}

type Way = 'balance' | 'request';

async function openWorld(feePpk: number, buy: Way): Promise<World> {
  await using started = new AsyncDisposableStack();
  const mint = started.use(await startNutshell(mintFolder, feePpk));
  const relay = started.use(await startKhatru(relayFolder));
  const payer = await createPayer(mint.url);
  const capital = await payer.fund(CAPITAL_SAT);
  const market = started.use(
    await openMarketplace({ mintUrl: mint.url, relayUrl: relay.url, capital, buy }),
  );
  const running = started.move();
  const sums = { keptSat: 0, fundedSat: CAPITAL_SAT };
  const dispose = (): Promise<void> => running.disposeAsync();
  return { mint, relay, market, payer, ...sums, [Symbol.asyncDispose]: dispose };
}

interface Bought extends Paid {
  /** The token, less its mint's fee and what came back of it. */
  readonly paidMsat: number;
}

async function fund(world: World): Promise<string> {
  world.fundedSat += TOKEN_SAT;
  return world.payer.fund(TOKEN_SAT);
}

/** A chat with a fresh token, whose change comes with the answer and is good. */
async function buy(world: World, stream: boolean): Promise<Bought> {
  const token = await fund(world);
  const ask = { stream, model: MODEL, maxTokens: MAX_TOKENS };
  const paid = await paidChat(world.market.router.url, token, ask);
  return { ...paid, paidMsat: await takeBack(world, token, paid.change ?? '') };
}

async function takeBack(world: World, token: string, back: string): Promise<number> {
  const { payer } = world;
  world.keptSat += (await payer.receive(back)) / 1_000;
  const { msat, feeMsat } = payer.read(token);
  return msat - feeMsat - payer.read(back).msat;
}

/** What so many tokens cost a payer whom this node has served. */
function priceOf(node: 0 | 1, promptTokens: number, completionTokens: number): number {
  const { input, output } = PRICES[node];
  return (promptTokens * input + completionTokens * output) * MARKUP;
}

function expectPrice(bought: Bought, node: 0 | 1, way: Way = 'balance'): void {
  const price = priceOf(node, bought.promptTokens, bought.completionTokens);
  expect(bought.text).not.toBe('');
  expect(bought.costMsat).toBeGreaterThanOrEqual(price);
  expect(bought.costMsat).toBeLessThanOrEqual(price + MAX_OVERHEAD_MSAT[way]);
  // Less than a sat cannot be given back.
  expect(bought.paidMsat).toBeGreaterThanOrEqual(bought.costMsat);
  expect(bought.paidMsat).toBeLessThan(bought.costMsat + 1_000);
}

interface Sheet {
  /** What the payer and all nodes have, sat. */
  readonly heldSat: number;
  /** What the mint has signed and not taken back, sat. */
  readonly issuedSat: number;
  readonly faults: readonly string[];
}

/** Counts everybody's coins when they are at rest: a token on its way from one node to another is in nobody's books. */
async function sheetOf({ mint, market, keptSat }: World): Promise<Sheet> {
  const deadline = Date.now() + REST_TIMEOUT_MS;
  const count = async (): Promise<number> => keptSat + (await market.coinsSat());
  let heldSat = await count();
  while (heldSat !== mint.outstandingSat() && Date.now() < deadline) {
    await sleep(200);
    heldSat = await count();
  }
  const nodes = [market.router, ...market.nodes.map(({ process }) => process)];
  const reports = await Promise.all(nodes.map((node) => node.doctor()));
  const faults = reports.flatMap(({ checks }) =>
    checks.flatMap(({ ok, name, message }) => (ok ? [] : [`${name}: ${message}`])),
  );
  return { heldSat, issuedSat: mint.outstandingSat(), faults };
}

const WAYS = [
  { feePpk: 0, buy: 'balance' },
  { feePpk: 100, buy: 'balance' },
  { feePpk: 0, buy: 'request' },
  { feePpk: 100, buy: 'request' },
] as const;

const areThere = mintFolder !== '' && relayFolder !== '';

describe.skipIf(!areThere)('a marketplace of a real mint and a real relay', () => {
  test.each(WAYS)(
    'a router finds two nodes and sells what they do, and every sat is accounted for: %o',
    async ({ feePpk, buy: way }) => {
      await using world = await openWorld(feePpk, way);
      await world.market.offered(2);

      for (const stream of [true, false]) expectPrice(await buy(world, stream), 0, way);

      const [cheap, dear] = world.market.nodes;
      expect([cheap.model.requestCount, dear.model.requestCount]).toEqual([2, 0]);
      const { heldSat, issuedSat, faults } = await sheetOf(world);
      expect(faults).toEqual([]);
      expect(heldSat).toBe(issuedSat);
      expect(issuedSat).toBeLessThanOrEqual(world.fundedSat);
      if (feePpk === 0) expect(issuedSat).toBe(world.fundedSat);
    },
  );
});

describe.skipIf(!areThere)('when parts of a marketplace die', () => {
  const running = new AsyncDisposableStack();
  let world: World;
  beforeAll(async () => {
    world = running.use(await openWorld(100, 'balance'));
    await world.market.offered(2);
  });
  afterAll(() => running.disposeAsync());

  test('a node that is gone: another one answers, and the payer pays once', async () => {
    const [cheap, dear] = world.market.nodes;
    expectPrice(await buy(world, false), 0);
    const served = dear.model.requestCount;
    onTestFinished(() => cheap.process.start());
    await cheap.process.kill();

    expectPrice(await buy(world, true), 1);
    expectPrice(await buy(world, false), 1);

    expect(dear.model.requestCount).toBe(served + 2);
  });

  test('a node that is killed in the middle of an answer: the payer pays what it was sent', async () => {
    const [, dear] = world.market.nodes;
    onTestFinished(async () => {
      dear.model.release();
      dear.model.behave({});
      await dear.process.start();
    });
    const token = await fund(world);
    dear.model.behave({ answerTokens: 400 });
    dear.model.hold(20);
    const pieces = await readUntilItBreaks(world.market.router.url, token, dear);
    const back = (await refund(world.market.router.url, token)).token;
    const paidMsat = await takeBack(world, token, back);

    expect(pieces).toBeGreaterThan(10);
    expect(paidMsat).toBeGreaterThanOrEqual(priceOf(1, 0, pieces - 3));
    expect(paidMsat).toBeLessThan(priceOf(1, 60, pieces + 3) + MAX_OVERHEAD_MSAT.balance + 1_000);
  });

  test('a relay that is killed and comes back empty: routing goes on, and a later announcement arrives', async () => {
    const { market, relay } = world;
    await relay.killAndRestart();

    expect((await buy(world, true)).text).not.toBe('');
    await market.join();
    await market.offered(3);
  });

  test('a relay that is gone for good: a restarted router sells what it knew', async () => {
    const { market, relay } = world;
    await relay[Symbol.asyncDispose]();
    expect(await market.router.stop()).toBe(0);
    await market.router.start();

    expect(await offersOf(market.router)).toBe(3);
    expect((await buy(world, true)).text).not.toBe('');
  });

  test('at the end every sat is accounted for', async () => {
    const { heldSat, issuedSat, faults } = await sheetOf(world);

    // All but the relay is well.
    expect([...new Set(faults)]).toEqual([`relay ${world.relay.url}: cannot be reached`]);
    expect(heldSat).toBe(issuedSat);
    expect(issuedSat).toBeLessThan(world.fundedSat);
  });
});

/** Streams from this node alone, kills it on the way, and tells how many pieces of text came. */
async function readUntilItBreaks(
  routerUrl: string,
  token: string,
  node: SellingNode,
): Promise<number> {
  const client = new OpenAI({ baseURL: `${routerUrl}/v1`, apiKey: token, maxRetries: 0 });
  const body = {
    model: MODEL,
    stream: true as const,
    max_tokens: 500,
    messages: [{ role: 'user' as const, content: `${PROMPT_CANARY}: tell me a story` }],
    provider: { only: [node.id] },
  };
  let pieces = 0;
  const read = async (): Promise<void> => {
    for await (const chunk of await client.chat.completions.create(body)) {
      if ((chunk.choices[0]?.delta.content ?? '') !== '') pieces += 1;
      if (pieces === 15) await node.process.kill();
    }
  };
  await expect(read()).rejects.toBeInstanceOf(OpenAI.APIError);
  return pieces;
}
