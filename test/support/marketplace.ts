import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { readMarket } from '../../src/app/market-view.ts';
import { loadConfig } from '../../src/config.ts';
import type { Config } from '../../src/config.ts';
import { startModelServer } from '../../src/demo/model-server.ts';
import type { ModelServer } from '../../src/demo/model-server.ts';
import { silentLog } from '../../src/lib/log.ts';
import { checkBooks } from '../../src/money.ts';
import { freePort } from './child-server.ts';
import { startNodeFront } from './node-front.ts';
import type { NodeFront } from './node-front.ts';
import { startRouter, UPSTREAM_KEY } from './router-process.ts';
import type { RouterProcess } from './router-process.ts';

/** Nodes that announce themselves, and a router that knows nobody and finds them; each a process of its own. */
export interface Marketplace extends AsyncDisposable {
  /** In the order of `PRICES`. */
  readonly nodes: readonly [SellingNode, SellingNode];
  readonly router: RouterProcess;
  /** One node more, at the price of the dearer one. */
  join(): Promise<SellingNode>;
  /** Resolves when the router offers the model through so many nodes. */
  offered(upstreams: number): Promise<void>;
  /** What all their coins are worth, sat. Rejects when somebody's books do not balance. */
  coinsSat(): Promise<number>;
}

/** A node of the marketplace, which comes back at the same address when it is restarted. */
export interface SellingNode {
  /** As payers name it. */
  readonly id: string;
  readonly process: RouterProcess;
  readonly model: ModelServer;
  /** What it announces as its own address. */
  readonly front: NodeFront;
}

export interface MarketplaceOptions {
  readonly mintUrl: string;
  /** Where the nodes announce themselves. */
  readonly relayUrl: string;
  /** What the router listens to beside that. */
  readonly otherRelays?: readonly string[];
  /** A fresh token for the router's treasury. */
  readonly capital: string;
  readonly buy?: 'balance' | 'request';
}

export const MODEL = 'demo-model';
/** What the two nodes ask, msat per token: the first is the cheap one. */
export const PRICES = [
  { input: 1, output: 20 },
  { input: 2, output: 50 },
] as const;
export const MARKUP = 1.5;
const FIND_TIMEOUT_MS = 30_000;

export async function openMarketplace(options: MarketplaceOptions): Promise<Marketplace> {
  await using started = new AsyncDisposableStack();
  const nodes = [await openNode(options, 0, started), await openNode(options, 1, started)] as const;
  const router = started.use(await startBuyer(options));
  const joined: SellingNode[] = [];
  const running = started.move();
  return {
    nodes,
    router,
    async join() {
      const node = await openNode(options, 1, running);
      joined.push(node);
      return node;
    },
    offered: (upstreams) => offered(router, upstreams),
    async coinsSat() {
      const selling = [...nodes, ...joined].map(({ process }) => process);
      const worth = await Promise.all([router, ...selling].map(coinsOf));
      return worth.reduce((sum, sat) => sum + sat, 0);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** A router that buys what it finds. */
export function startBuyer(options: MarketplaceOptions): Promise<RouterProcess> {
  return startRouter(routerFile(options), { fund: options.capital });
}

async function openNode(
  options: MarketplaceOptions,
  price: 0 | 1,
  started: AsyncDisposableStack,
): Promise<SellingNode> {
  const model = await startModelServer({ apiKey: UPSTREAM_KEY });
  started.defer(() => model.close());
  const port = await freePort();
  const front = started.use(await startNodeFront(`http://127.0.0.1:${port}`));
  const file = nodeFile(options, { price, front, model });
  const process = started.use(await startRouter(file, { port }));
  return { id: front.url.replace('http://', ''), process, model, front };
}

function nodeFile(
  { mintUrl, relayUrl }: MarketplaceOptions,
  node: { readonly price: 0 | 1; readonly front: NodeFront; readonly model: ModelServer },
): object {
  const { input, output } = PRICES[node.price];
  return {
    node: { name: `node ${node.price}`, url: node.front.url, relays: [relayUrl] },
    mints: [mintUrl],
    bitcoin: { usd: 100_000 },
    providers: [
      {
        id: 'gpu',
        kind: 'openai',
        baseUrl: node.model.url,
        apiKey: 'env:UPSTREAM_KEY',
        models: [
          {
            id: MODEL,
            context: 32_768,
            maxOutput: 2_048,
            price: { unit: 'sat', input: input * 1_000, output: output * 1_000 },
          },
        ],
      },
    ],
  };
}

function routerFile(options: MarketplaceOptions): object {
  const { mintUrl, relayUrl, otherRelays = [], buy = 'balance' } = options;
  return {
    node: { name: 'router' },
    mints: [mintUrl],
    bitcoin: { usd: 100_000 },
    providers: [],
    discovery: {
      relays: [relayUrl, ...otherRelays],
      directories: [],
      anchors: [],
      allowPrivateAddresses: true,
      caps: { unknownSat: 300, unknownTotalSat: 900 },
      markup: MARKUP,
      buy,
    },
  };
}

/** Nodes of which its database knows all that is needed to buy from them. */
export async function nodesOnDisk({ home }: RouterProcess): Promise<number> {
  const config = configOf(home);
  if (config.discovery === undefined) return 0;
  const nodes = (await readMarket(config, config.discovery, silentLog)) ?? [];
  return nodes.filter(({ unused }) => unused === undefined).length;
}

/** Nodes that the router would buy the model from now. */
export async function offersOf({ url }: RouterProcess): Promise<number> {
  const response = await fetch(`${url}/v1/models`);
  const { data } = (await response.json()) as {
    data: readonly { id: string; nutroute: { upstreams: number } }[];
  };
  return data.find(({ id }) => id === MODEL)?.nutroute.upstreams ?? 0;
}

/** Resolves when the router offers the model through so many nodes. */
export async function offered(router: RouterProcess, upstreams: number): Promise<void> {
  const deadline = Date.now() + FIND_TIMEOUT_MS;
  for (;;) {
    const found = await offersOf(router);
    if (found >= upstreams) return;
    if (Date.now() > deadline) throw new Error(`${found} of ${upstreams} nodes were found`);
    await sleep(100);
  }
}

async function coinsOf({ home }: RouterProcess): Promise<number> {
  const books = await checkBooks(configOf(home), silentLog);
  if (books === undefined) throw new Error('a node has no books');
  if (books.faults.length > 0) throw new Error(books.faults.join('; '));
  return Number(books.coinsSat);
}

function configOf(home: string): Config {
  const flags = { home, config: join(home, 'providers.json') };
  return loadConfig({ flags, env: { UPSTREAM_KEY }, cwd: home });
}
