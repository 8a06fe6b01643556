import { startModelServer } from '../../src/demo/model-server.ts';
import { startRouter, UPSTREAM_KEY } from '../support/router-process.ts';
import type { RouterProcess } from '../support/router-process.ts';
import { startMintProxy } from './mint-proxy.ts';
import type { MintProxy } from './mint-proxy.ts';
import { createPayer } from './payer.ts';
import type { Payer } from './payer.ts';

/** A mint behind a proxy that counts, a router process that sells one model, and a payer. Disposing ends all but the mint. */
export interface Market extends AsyncDisposable {
  readonly proxy: MintProxy;
  readonly router: RouterProcess;
  readonly payer: Payer;
}

/** Prices per token. */
export const INPUT_MSAT = 1;
export const OUTPUT_MSAT = 50;

export interface MarketOptions {
  readonly mintUrl: string;
  /** The upstream that answers; default: a demo model server. */
  readonly upstreamUrl?: string;
  readonly model?: string;
}

export async function openMarket(options: MarketOptions): Promise<Market> {
  const { mintUrl, upstreamUrl, model = 'demo-model' } = options;
  await using started = new AsyncDisposableStack();
  const proxy = started.use(await startMintProxy(mintUrl));
  const upstream = upstreamUrl === undefined ? await startDemoModel(started) : upstreamUrl;
  const router = started.use(await startRouter(providersFile(proxy.url, upstream, model)));
  const payer = await createPayer(proxy.url);
  const running = started.move();
  return { proxy, router, payer, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

async function startDemoModel(started: AsyncDisposableStack): Promise<string> {
  const server = await startModelServer({ apiKey: UPSTREAM_KEY });
  started.defer(() => server.close());
  return server.url;
}

function providersFile(mintUrl: string, baseUrl: string, model: string): object {
  // The file's prices are per million tokens, in sat.
  const price = { unit: 'sat', input: INPUT_MSAT * 1000, output: OUTPUT_MSAT * 1000 };
  return {
    mints: [mintUrl],
    bitcoin: { usd: 100_000 },
    providers: [
      {
        id: 'upstream',
        kind: 'openai',
        baseUrl,
        apiKey: 'env:UPSTREAM_KEY',
        models: [{ id: model, context: 131_072, maxOutput: 8_192, price }],
      },
    ],
  };
}
