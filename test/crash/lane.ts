import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Books } from '../../src/demo/mint.ts';
import { startDemoProcess } from '../support/demo-process.ts';
import type { DemoProcess } from '../support/demo-process.ts';
import { startDeafMint } from './deaf-mint.ts';
import { MODELS, PRICE } from './models.ts';

/** One mint and one model server, each a process of its own, that many runs use one after the other. */
export interface Lane {
  /** As tokens and the router's configuration name it. */
  readonly mintUrl: string;
  readonly feePpk: number;
  readonly mint: DemoProcess;
  readonly model: DemoProcess;
  close(): Promise<void>;
}

/** `isDeaf`: between the router and the mint stands somebody who ignores what the mint restores. */
export async function startLane(feePpk: number, isDeaf = false): Promise<Lane> {
  const deaf = isDeaf ? await startDeafMint() : undefined;
  const args = ['--fee', String(feePpk)];
  // The model server lists what the router is configured to buy: `nutroute doctor` looks.
  const names = MODELS.flatMap(({ attempts }) => attempts);
  if (deaf !== undefined) args.push('--public-url', deaf.url);
  const [mint, model] = await Promise.all([
    startDemoProcess('mint-process', args),
    startDemoProcess(
      'model-process',
      ['demo-model', ...names].flatMap((id) => ['--model', id]),
    ),
  ]);
  deaf?.leadTo(mint.url);
  const killAtExit = (): void => {
    for (const { pid } of [mint, model]) process.kill(pid, 'SIGKILL');
  };
  process.once('exit', killAtExit);
  return {
    mintUrl: deaf?.url ?? mint.url,
    feePpk,
    mint,
    model,
    async close() {
      process.off('exit', killAtExit);
      await Promise.all([mint.kill(), model.kill(), deaf?.close()]);
    },
  };
}

/** What the mint itself says it issued, took back and kept. */
export function booksOf(lane: Lane): Promise<Books> {
  return lane.mint.command<Books>('books');
}

/** A fresh folder for a router of this lane: configuration, later also seed, database and log. */
export async function createHome(lane: Lane): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'nutroute-crash-'));
  const provider = (id: string, models: readonly object[]) => ({
    id,
    kind: 'openai',
    baseUrl: lane.model.url,
    price: PRICE,
    models,
    timeouts: { firstByteMs: 5_000, idleMs: 5_000, answerMs: 10_000 },
  });
  const file = {
    mints: [lane.mintUrl],
    bitcoin: { usd: 100_000 },
    providers: MODELS.flatMap(({ id, attempts }) =>
      attempts.map((upstreamId, index) =>
        provider(`${id}-${index}`, [{ id, upstreamId, context: 8192, maxOutput: 400 }]),
      ),
    ),
  };
  await writeFile(join(home, 'providers.json'), JSON.stringify(file));
  return home;
}

export async function removeHome(home: string): Promise<void> {
  await rm(home, { recursive: true });
}
