import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { vi } from 'vitest';

import { startApp } from '../../src/app.ts';
import type { App } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import type { Config } from '../../src/config.ts';
import { startMint } from '../../src/demo/mint.ts';
import type { DemoMint } from '../../src/demo/mint.ts';
import { startModelServer } from '../../src/demo/model-server.ts';
import type { ModelServer } from '../../src/demo/model-server.ts';
import type { Observation, Standing } from '../../src/discovery/standing.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { checkBooks } from '../../src/treasury/books.ts';
import type { Books } from '../../src/treasury/books.ts';
import type { NodeTotals } from '../../src/upstream/routstr/purchases.ts';
import { createCountingPayer } from './counting-payer.ts';
import type { CountingPayer } from './counting-payer.ts';
import { startLyingNode } from './lying-node.ts';
import type { LyingNode } from './lying-node.ts';
import { startRoutstrCore } from './routstr-core/routstr-core.ts';

export interface TwoHopsOptions {
  /** What the router buys from. */
  readonly node: 'nutroute' | 'core';
  readonly buy: 'balance' | 'request';
  /** The node publishes prices so many times too low, from the start. */
  readonly priceFactor?: number | undefined;
  /** What the router can buy with, sat. */
  readonly capitalSat?: number;
  readonly markup?: number;
  /** Default: on, but it looks for nobody. */
  readonly discovery?: boolean;
  /** How long the router waits for the node. */
  readonly timeoutMs?: number | undefined;
}

/** A router that buys from a node, with somebody between them who can lie for the node; one mint for all. In this process. */
export interface TwoHops extends AsyncDisposable {
  /** Of the router. */
  readonly url: string;
  readonly mint: DemoMint;
  readonly app: App;
  /** What the node asks. */
  readonly model: ModelServer;
  /** Stands before the node. */
  readonly liar: LyingNode;
  /** The most that was ever at risk with the node, msat. */
  readonly mostAtRisk: bigint;
  /** What the router saw of the node, in order. */
  readonly observed: readonly Observation[];
  standing(): Standing;
  totals(): Promise<NodeTotals>;
  books(): Promise<Books>;
  /** Everything wrong with the books of both. */
  faults(): Promise<readonly string[]>;
  /** What the node has, sat. */
  nodeSat(): Promise<number>;
  readonly payer: CountingPayer;
  /** Lets so much time pass for the router's money, again and again, and does each time what is due. */
  passTime(ms: number, times?: number): Promise<void>;
  /** The node is honest from now on; resolves when none of our money is there any more. */
  callBack(): Promise<void>;
}

export const MODEL = 'demo-model';
/** What the node asks, msat per token, and what the router puts on it. */
export const INPUT_MSAT = 5;
export const OUTPUT_MSAT = 50;
export const MARKUP = 1.2;
export const CAP_SAT = 150;
export const CAPITAL_SAT = 3_000;
/** Of the other provider of the same model: dearer, and honest. */
export const OTHER_FACTOR = 4;
/** Redeeming there, swapping what comes back, a split, and less than a sat each. */
const MAX_OVERHEAD_MSAT = 6_000;
const NODE_KEY = 'b'.repeat(64);
const IDLE_MS = 601_000;
const BACK_TIMEOUT_MS = 45_000;

export async function twoHops(options: TwoHopsOptions): Promise<TwoHops> {
  await using stack = new AsyncDisposableStack();
  const mint = await startMint({ inputFeePpk: 100, autoPay: true });
  stack.defer(() => mint.close());
  const model = await startModelServer();
  stack.defer(() => model.close());
  const node = stack.use(await NODES[options.node](mint, model));
  const liar = stack.use(await startLyingNode(node.url));
  const clock = startClock();
  if (options.priceFactor !== undefined) liar.lie({ priceFactor: options.priceFactor });
  const home = stack.use(await temporaryHome());
  const config = await writeConfig(home.path, routerFile(options, { mint, model, liar }));
  const app = await startApp(config, silentLog, { clock });
  stack.defer(() => app.stop());
  const { capitalSat = CAPITAL_SAT } = options;
  if (capitalSat > 0) await app.money.treasury.receive(mint.faucet(capitalSat));
  const observe = vi.spyOn(app.dealings, 'observe');
  const { purchases, store } = app.money;
  let mostAtRisk = 0n;
  const watch = setInterval(() => {
    const risk: bigint = purchases.riskOf(NODE_KEY);
    if (risk > mostAtRisk) mostAtRisk = risk;
  }, 2);
  stack.defer(() => clearInterval(watch));

  const world: Omit<TwoHops, keyof AsyncDisposable> = {
    url: app.url,
    mint,
    app,
    model,
    liar,
    get mostAtRisk() {
      return mostAtRisk;
    },
    get observed() {
      return observe.mock.calls.map(([, observation]) => observation);
    },
    standing: () => app.dealings.standing(NODE_KEY),
    async totals() {
      const none = { deposited: 0n, charged: 0n, returned: 0n, lost: 0n, atRisk: 0n };
      return (await purchases.totals())[0] ?? { node: NODE_KEY, ...none };
    },
    books: () => store.read(checkBooks),
    async faults() {
      return [...(await world.books()).faults, ...(await node.faults())];
    },
    nodeSat: () => node.sat(),
    payer: await createCountingPayer({ url: app.url, mintUrl: mint.url, model: MODEL, priceOf }),
    async passTime(ms, times = 1) {
      for (let time = 0; time < times; time += 1) {
        clock.advance(ms);
        await sleep(20);
        await purchases.sweep();
      }
    },
    async callBack() {
      liar.lie({});
      const deadline = Date.now() + BACK_TIMEOUT_MS;
      for (;;) {
        const { deposited, charged, returned, lost } = await world.totals();
        if (deposited <= charged + returned + lost) return;
        if (Date.now() > deadline) throw new Error('the money does not come back');
        await world.passTime(IDLE_MS);
      }
    },
  };
  const running = stack.move();
  return Object.defineProperties(
    { ...world, [Symbol.asyncDispose]: () => running.disposeAsync() },
    Object.getOwnPropertyDescriptors(world),
  ) as TwoHops;
}

/** The node's price with the markup, and the part of the mint and of dust in buying; or what the other asks. */
function priceOf(provider: string | undefined, input: number, output: number): number {
  const base = input * INPUT_MSAT + output * OUTPUT_MSAT;
  return provider === 'other' ? base * OTHER_FACTOR : Math.ceil(base * MARKUP) + MAX_OVERHEAD_MSAT;
}

interface SellingNode extends AsyncDisposable {
  readonly url: string;
  sat(): Promise<number>;
  faults(): Promise<readonly string[]>;
}

type StartNode = (mint: DemoMint, model: ModelServer) => Promise<SellingNode>;

const NODES: Readonly<Record<TwoHopsOptions['node'], StartNode>> = {
  async nutroute(mint, model) {
    await using stack = new AsyncDisposableStack();
    const home = stack.use(await temporaryHome());
    const app = await startApp(await writeConfig(home.path, nodeFile(mint, model)), silentLog);
    stack.defer(() => app.stop());
    const books = (): Promise<Books> => app.money.store.read(checkBooks);
    const running = stack.move();
    return {
      url: app.url,
      sat: async () => Number((await books()).coinsSat),
      faults: async () => (await books()).faults.map((fault) => `the node: ${fault}`),
      [Symbol.asyncDispose]: () => running.disposeAsync(),
    };
  },
  async core(mint, model) {
    const core = await startRoutstrCore({
      mintUrl: mint.url,
      upstreamUrl: model.url,
      model: MODEL,
      prices: { promptMsat: INPUT_MSAT, completionMsat: OUTPUT_MSAT },
      maxOutput: 1_024,
    });
    return {
      url: core.url,
      sat: async () => core.till.worth(),
      // It keeps no books: what it has must be what the mint says that nobody else has.
      faults: async () => [],
      [Symbol.asyncDispose]: () => core[Symbol.asyncDispose](),
    };
  },
};

function nodeFile(mint: DemoMint, model: ModelServer): object {
  return {
    node: { name: 'the node' },
    mints: [mint.url],
    bitcoin: { usd: 100_000 },
    providers: [ownProvider('gpu', model, 1)],
  };
}

function routerFile(
  { buy, timeoutMs = 5_000, markup = MARKUP, discovery = true }: TwoHopsOptions,
  world: { readonly mint: DemoMint; readonly model: ModelServer; readonly liar: LyingNode },
): object {
  return {
    node: { name: 'the router' },
    mints: [world.mint.url],
    bitcoin: { usd: 100_000 },
    ...(discovery && {
      discovery: { relays: [], directories: [], anchors: [], allowPrivateAddresses: true },
    }),
    providers: [
      {
        id: 'b',
        kind: 'routstr',
        baseUrl: world.liar.url,
        npub: NODE_KEY,
        capSat: CAP_SAT,
        models: '*',
        markup,
        buy,
        timeouts: { firstByteMs: timeoutMs, answerMs: timeoutMs, idleMs: timeoutMs },
      },
      ownProvider('other', world.model, OTHER_FACTOR),
    ],
  };
}

function ownProvider(id: string, model: ModelServer, factor: number): object {
  const price = {
    unit: 'sat',
    input: INPUT_MSAT * 1_000 * factor,
    output: OUTPUT_MSAT * 1_000 * factor,
  };
  return {
    id,
    kind: 'openai',
    baseUrl: model.url,
    models: [{ id: MODEL, context: 32_768, maxOutput: 1_024, price }],
  };
}

async function writeConfig(home: string, file: object): Promise<Config> {
  const config = join(home, 'providers.json');
  await writeFile(config, JSON.stringify(file));
  return loadConfig({ flags: { home, config, host: '127.0.0.1', port: '0' }, env: {}, cwd: home });
}

async function temporaryHome(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'nutroute-two-hops-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** The system's clock, but for what it is put forward. */
function startClock(): Clock & { advance(ms: number): void } {
  let aheadMs = 0;
  return {
    now: () => Date.now() + aheadMs,
    advance(ms) {
      aheadMs += ms;
    },
  };
}
