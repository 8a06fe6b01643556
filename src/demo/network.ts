import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startApp } from '../app.ts';
import type { App } from '../app.ts';
import type { Config } from '../config.ts';
import type { Log } from '../lib/log.ts';
import { openMoney } from '../money.ts';
import { demoConfig } from './demo-config.ts';
import { startMint } from './mint.ts';
import type { DemoMint } from './mint.ts';
import { startModelServer } from './model-server.ts';
import type { ModelServer } from './model-server.ts';
import { startRelay } from './relay.ts';
import type { DemoRelay } from './relay.ts';
import { DEMO_FEE_PPK, DEMO_MODEL } from './world.ts';

/** A node of the network: a router of its own, with a model of its own or with capital to buy from others. */
export interface NetworkNode {
  readonly name: string;
  readonly config: Config;
  readonly app: App;
}

export interface ProviderNode extends NetworkNode {
  readonly model: ModelServer;
}

/** A relay, a mint, two nodes that sell and announce themselves, and a router that finds them: all on loopback. */
export interface Network {
  readonly mint: DemoMint;
  readonly relay: DemoRelay;
  /** Cheap, and fails when told to. */
  readonly flaky: ProviderNode;
  /** Dear. */
  readonly steady: ProviderNode;
  readonly router: NetworkNode;
  stop(): Promise<void>;
}

export interface NetworkOptions {
  readonly log: Log;
  readonly host: string;
  /** The router's. */
  readonly port: number;
}

/** What the router may buy with, sat. */
export const CAPITAL_SAT = 1_000;
const MARKUP = 1.1;
const MS_PER_CHUNK = 15;
/** Sat per million tokens. */
const CHEAP = { input: 4_000, output: 16_000 };
const DEAR = { input: 6_000, output: 24_000 };

/** Starts the network with homes of its own, which are gone when it stops. Resolves when every part listens. */
export async function startNetwork(options: NetworkOptions): Promise<Network> {
  const folder = await mkdtemp(join(tmpdir(), 'nutroute-network-'));
  await using started = new AsyncDisposableStack();
  started.defer(() => rm(folder, { recursive: true }));
  const mint = await startMint({ inputFeePpk: DEMO_FEE_PPK, autoPay: true });
  started.defer(() => mint.close());
  const relay = await startRelay();
  started.defer(() => relay.close());
  const place: Place = { folder, mint, relay, started, ...options };

  const flaky = await startProvider(place, 'cheap-and-flaky', CHEAP);
  const steady = await startProvider(place, 'dear-and-steady', DEAR);
  const router = await startBuyer(place);
  const running = started.move();
  return { mint, relay, flaky, steady, router, stop: () => running.disposeAsync() };
}

interface Place extends NetworkOptions {
  readonly folder: string;
  readonly mint: DemoMint;
  readonly relay: DemoRelay;
  readonly started: AsyncDisposableStack;
}

async function startProvider(
  place: Place,
  name: string,
  price: { readonly input: number; readonly output: number },
): Promise<ProviderNode> {
  const { mint, relay, host, started } = place;
  const model = await startModelServer({
    models: [{ id: DEMO_MODEL }],
    oddity: { msPerChunk: MS_PER_CHUNK },
  });
  started.defer(() => model.close());
  // An announcement names the port, so it must be known before the node listens.
  const port = await freePort(host);
  const file = {
    node: {
      name,
      about: 'A node of the demo',
      url: `http://${host}:${port}`,
      relays: [relay.url],
    },
    mints: [mint.url],
    bitcoin: { usd: 100_000 },
    providers: [
      {
        id: 'gpu',
        kind: 'openai',
        baseUrl: model.url,
        models: [
          {
            id: DEMO_MODEL,
            name: 'Demo model',
            context: 131_072,
            maxOutput: 2_048,
            price: { unit: 'sat', ...price },
          },
        ],
      },
    ],
  };
  const config = demoConfig({ home: join(place.folder, name), host, port, file });
  const app = await startApp(config, place.log);
  started.defer(() => app.stop());
  return { name, config, app, model };
}

async function startBuyer(place: Place): Promise<NetworkNode> {
  const { mint, relay, host, port, started, log } = place;
  const name = 'router';
  const file = {
    node: { name },
    mints: [mint.url],
    bitcoin: { usd: 100_000 },
    providers: [],
    discovery: {
      relays: [relay.url],
      directories: [],
      anchors: [],
      markup: MARKUP,
      caps: { unknownSat: 100 },
      allowPrivateAddresses: true,
    },
  };
  const config = demoConfig({ home: join(place.folder, name), host, port, file });
  await fund(config, mint, log);
  const app = await startApp(config, log);
  started.defer(() => app.stop());
  return { name, config, app };
}

/** Working capital, as `nutroute wallet receive` brings it in. */
async function fund(config: Config, mint: DemoMint, log: Log): Promise<void> {
  const money = await openMoney(config, log);
  try {
    await money.treasury.receive(mint.faucet(CAPITAL_SAT));
  } finally {
    await money.close();
  }
}

async function freePort(host: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, host, resolve);
  });
  const address = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  return address.port;
}
