import { setTimeout as sleep } from 'node:timers/promises';

import { startModelServer } from '../../src/demo/model-server.ts';
import type { ModelServer } from '../../src/demo/model-server.ts';
import { freePort } from './child-server.ts';
import { startRouter, UPSTREAM_KEY } from './router-process.ts';
import type { RouterProcess } from './router-process.ts';

/** Two nodes that announce themselves, and a router that knows nobody and finds them; each a process of its own. */
export interface Marketplace extends AsyncDisposable {
  readonly providers: readonly [RouterProcess, RouterProcess];
  readonly router: RouterProcess;
  readonly models: readonly [ModelServer, ModelServer];
  /** Resolves when the router offers the model through so many nodes. */
  offered(upstreams: number): Promise<void>;
}

export interface MarketplaceOptions {
  readonly mintUrl: string;
  readonly relayUrl: string;
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
  const model = async (): Promise<ModelServer> => {
    const server = await startModelServer({ apiKey: UPSTREAM_KEY });
    started.defer(() => server.close());
    return server;
  };
  const models = [await model(), await model()] as const;
  const provider = async (index: 0 | 1): Promise<RouterProcess> => {
    const port = await freePort();
    const file = providerFile(options, { index, port, upstream: models[index].url });
    return started.use(await startRouter(file, { port }));
  };
  const providers = [await provider(0), await provider(1)] as const;
  const router = started.use(await startRouter(routerFile(options), { fund: options.capital }));
  const running = started.move();
  return {
    providers,
    router,
    models,
    offered: (upstreams) => offered(router.url, upstreams),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function providerFile(
  { mintUrl, relayUrl }: MarketplaceOptions,
  node: { readonly index: 0 | 1; readonly port: number; readonly upstream: string },
): object {
  const { input, output } = PRICES[node.index];
  return {
    node: { name: `node ${node.index}`, url: `http://127.0.0.1:${node.port}`, relays: [relayUrl] },
    mints: [mintUrl],
    bitcoin: { usd: 100_000 },
    providers: [
      {
        id: 'gpu',
        kind: 'openai',
        baseUrl: node.upstream,
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

function routerFile({ mintUrl, relayUrl, buy = 'balance' }: MarketplaceOptions): object {
  return {
    node: { name: 'router' },
    mints: [mintUrl],
    bitcoin: { usd: 100_000 },
    providers: [],
    discovery: {
      relays: [relayUrl],
      directories: [],
      anchors: [],
      allowPrivateAddresses: true,
      caps: { unknownSat: 300, unknownTotalSat: 600 },
      markup: MARKUP,
      buy,
    },
  };
}

async function offered(url: string, upstreams: number): Promise<void> {
  const deadline = Date.now() + FIND_TIMEOUT_MS;
  for (;;) {
    const response = await fetch(`${url}/v1/models`);
    const { data } = (await response.json()) as {
      data: readonly { id: string; nutroute: { upstreams: number } }[];
    };
    const found = data.find(({ id }) => id === MODEL)?.nutroute.upstreams ?? 0;
    if (found >= upstreams) return;
    if (Date.now() > deadline) throw new Error(`${found} of ${upstreams} nodes were found`);
    await sleep(100);
  }
}
