import { startModelServer } from '../../src/demo/model-server.ts';
import { startRouter, UPSTREAM_KEY } from '../support/router-process.ts';
import type { RouterProcess } from '../support/router-process.ts';
import { startMintProxy } from './mint-proxy.ts';
import type { MintProxy } from './mint-proxy.ts';
import { createPayer } from './payer.ts';
import type { Payer } from './payer.ts';

/** A mint behind a proxy that counts, a router process that sells one model, and a payer. */
export interface Market {
  readonly proxy: MintProxy;
  readonly router: RouterProcess;
  readonly payer: Payer;
  /** Ends all of it, but not the mint. */
  close(): Promise<void>;
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
  const proxy = await startMintProxy(options.mintUrl);
  const upstream =
    options.upstreamUrl === undefined
      ? await startModelServer({ apiKey: UPSTREAM_KEY })
      : undefined;
  const baseUrl = options.upstreamUrl ?? upstream?.url ?? '';
  const router = await startRouter(
    providersFile(proxy.url, baseUrl, options.model ?? 'demo-model'),
  );
  const payer = await createPayer(proxy.url);
  return {
    proxy,
    router,
    payer,
    async close() {
      await router[Symbol.asyncDispose]();
      await Promise.all([upstream?.close(), proxy.close()]);
    },
  };
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
