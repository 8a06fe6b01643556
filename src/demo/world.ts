import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startApp } from '../app.ts';
import type { App } from '../app.ts';
import type { Log } from '../lib/log.ts';
import { demoConfig } from './demo-config.ts';
import { startMint } from './mint.ts';
import type { DemoMint } from './mint.ts';
import { startModelServer } from './model-server.ts';
import type { ModelServer } from './model-server.ts';

/** A mint, a model and a router that sells it, all on loopback. */
export interface World {
  readonly mint: DemoMint;
  readonly model: ModelServer;
  readonly router: App;
  stop(): Promise<void>;
}

export interface WorldOptions {
  readonly log: Log;
  readonly host: string;
  readonly port: number;
}

export const DEMO_MODEL = 'demo-model';
/** As nutshell's default: so the sheet shows what a mint takes. */
export const DEMO_FEE_PPK = 100;
/** Slow enough to watch. */
const MS_PER_CHUNK = 15;

/** Starts the world with a home of its own, which is gone when it stops. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const home = await mkdtemp(join(tmpdir(), 'nutroute-demo-'));
  const mint = await startMint({ inputFeePpk: DEMO_FEE_PPK, autoPay: true });
  const model = await startModelServer({
    models: [{ id: DEMO_MODEL }],
    oddity: { msPerChunk: MS_PER_CHUNK },
  });
  const { host, port } = options;
  const config = demoConfig({ home, host, port, file: worldFile(mint, model) });
  const router = await startApp(config, options.log);
  return {
    mint,
    model,
    router,
    async stop() {
      await router.stop();
      await Promise.all([model.close(), mint.close()]);
      await rm(home, { recursive: true });
    },
  };
}

function worldFile(mint: DemoMint, model: ModelServer): object {
  return {
    node: { name: 'nutroute demo', about: 'A whole world on loopback' },
    mints: [mint.url],
    bitcoin: { usd: 100_000 },
    providers: [
      {
        id: 'demo',
        kind: 'openai',
        baseUrl: model.url,
        models: [
          {
            id: DEMO_MODEL,
            name: 'Demo model',
            context: 131_072,
            maxOutput: 8_192,
            price: { unit: 'sat', input: 5_000, output: 20_000 },
          },
        ],
        timeouts: { firstByteMs: 30_000 },
      },
    ],
  };
}
