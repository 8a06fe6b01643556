import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { answers, freePort } from '../support/child-server.ts';
import { startDemoProcess } from '../support/demo-process.ts';
import type { DemoProcess } from '../support/demo-process.ts';
import { MODELS } from './bodies.ts';
import { startChild } from './child.ts';
import type { Child } from './child.ts';
import type { Job, JobResult } from './job.ts';

/** Everything that is measured, and what measures it: each a process of its own. */
export interface Stage {
  readonly home: string;
  readonly load: Child;
  readonly upstream: Child;
  readonly router: Child;
  readonly proxy: Child;
  readonly mint: DemoProcess;
  /** A second mint, which can be made to hang. */
  readonly otherMint: DemoProcess;
  readonly urls: Readonly<Record<Target, string>>;
  /** Header lines of static keys in keep mode. */
  readonly keys: readonly (readonly string[])[];
  /** What the payers know of all paid requests, for the check of the books. */
  readonly paid: Paid;
  run(target: Target, job: Omit<Job, 'url' | 'path'>): Promise<JobResult>;
  pids(): readonly number[];
  /** Ends the router with SIGTERM; resolves with its exit code. */
  stopRouter(): Promise<number | null>;
  close(): Promise<void>;
}

export type Target = 'direct' | 'proxy' | 'router';

export interface Paid {
  answers: number;
  costMsat: number;
  /** Requests that were left or refused after they had paid: they are charged, but nobody was told how much. */
  untold: number;
  /** Change that payers hold. */
  readonly change: string[];
  /** Tokens that were made but never used. */
  readonly unused: string[];
}

const KEYS = 16;
const KEY_SAT = 100_000;

export interface StageOptions {
  /** For the router's process. */
  readonly nodeFlags: readonly string[];
}

export async function startStage({ nodeFlags }: StageOptions): Promise<Stage> {
  const home = await mkdtemp(join(tmpdir(), 'nutroute-bench-'));
  const [mint, otherMint] = await Promise.all([
    startDemoProcess('mint-process', ['--seed', 'bench']),
    startDemoProcess('mint-process', ['--seed', 'bench, the other']),
  ]);
  const upstream = startChild({ file: 'upstream.ts', cpu: 1 });
  const load = startChild({ file: 'load.ts', cpu: 1 });
  const upstreamUrl = (await upstream.ready).url;
  const proxy = startChild({ file: 'bare-proxy.ts', args: [upstreamUrl], cpu: 0 });
  const config = join(home, 'providers.json');
  await writeFile(config, JSON.stringify(providersFile([mint.url, otherMint.url], upstreamUrl)));
  const log = openSync(join(home, 'router.log'), 'w');
  const port = String(await freePort());
  const router = startChild({
    file: '../../src/bin.ts',
    args: ['serve', '--home', home, '--config', config, '--port', port, '--log-level', 'info'],
    nodeFlags: [...nodeFlags, `--import=${new URL('probe.ts', import.meta.url).href}`],
    cpu: 0,
    env: { HOST: '127.0.0.1', UPSTREAM_KEY: 'bench' },
    output: log,
  });
  closeSync(log);
  const urls = {
    direct: upstreamUrl,
    proxy: (await proxy.ready).url,
    router: `http://127.0.0.1:${port}`,
  };
  await untilAnswers(`${urls.router}/health`);
  const keys: string[][] = [];
  for (let made = 0; made < KEYS; made += 1) {
    const token = await mint.command<string>('faucet', { amount: KEY_SAT });
    keys.push([`authorization: Bearer ${token}`, 'x-cashu-change: keep']);
  }
  const paid: Paid = { answers: 0, costMsat: 0, untold: 0, change: [], unused: [] };
  let routerEnd: Promise<number | null> | undefined;
  const stopRouter = (): Promise<number | null> => (routerEnd ??= router.stop());
  return {
    home,
    load,
    upstream,
    router,
    proxy,
    mint,
    otherMint,
    urls,
    keys,
    paid,
    async run(target, job) {
      const path = target === 'router' ? '/v1/chat/completions' : pathOf(job.body);
      const result = await load.ask<JobResult>('run', { ...job, url: urls[target], path });
      if (target === 'router') note(paid, job, result);
      return result;
    },
    pids: () =>
      [load, upstream, router, proxy, mint, otherMint, process].map((running) => running.pid),
    stopRouter,
    async close() {
      await stopRouter();
      await Promise.all([load, upstream, proxy, mint, otherMint].map((child) => child.stop()));
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** Beside the router the model is chosen by the path. */
export function pathOf(body: string): string {
  const { model } = JSON.parse(body) as { model: string };
  return `/${model}/v1/chat/completions`;
}

function note(paid: Paid, job: Omit<Job, 'url' | 'path'>, result: JobResult): void {
  paid.answers += result.answers;
  paid.costMsat += result.costMsat;
  paid.change.push(...result.change);
  if (job.pay === 'fresh') {
    paid.unused.push(...(job.tokens ?? []).slice(0, (job.tokens ?? []).length - result.tokensUsed));
  }
}

async function untilAnswers(url: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await answers(url))) {
    if (Date.now() > deadline) throw new Error('the router does not start');
    await sleep(50);
  }
}

function providersFile(mints: readonly string[], upstreamUrl: string): object {
  // Per million tokens: a request of the bench costs about 50 msat.
  const price = { unit: 'sat', input: 100, output: 400 };
  return {
    mints,
    bitcoin: { usd: 100_000 },
    payment: { maxOpenPerMintSat: 100_000_000 },
    providers: MODELS.map((id) => ({
      id,
      kind: 'openai',
      baseUrl: `${upstreamUrl}/${id}/v1`,
      apiKey: 'env:UPSTREAM_KEY',
      models: [{ id, context: 2_000_000, maxOutput: 4_096, price }],
    })),
  };
}
