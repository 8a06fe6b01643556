import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';

import { Wallet } from '@cashu/cashu-ts';
import type { Proof } from '@cashu/cashu-ts';
import { expect } from 'vitest';

import { startApp } from '../../src/app.ts';
import type { App } from '../../src/app.ts';
import type { Terminal } from '../../src/cli/command.ts';
import { createLog } from '../../src/cli/log.ts';
import { loadConfig } from '../../src/config.ts';
import type { Config } from '../../src/config.ts';
import { startMint } from '../../src/demo/mint.ts';
import type { DemoMint, MintOptions } from '../../src/demo/mint.ts';
import { startModelServer } from '../../src/demo/model-server.ts';
import type { ModelServer, ModelServerOptions } from '../../src/demo/model-server.ts';
import { silentLog } from '../../src/lib/log.ts';
import { checkBooks } from '../../src/money.ts';
import { KEY_CANARY, keepOutOfLogs, openTestLog, PROMPT_CANARY } from './test-log.ts';

export interface RouterWorldOptions {
  /** Fee of the mint's keysets; default 100. */
  readonly feePpk?: number;
  readonly mint?: MintOptions;
  /** Model servers, the cheapest first; default: one. */
  readonly upstreams?: readonly ModelServerOptions[];
  /** More fields of every provider in providers.json. */
  readonly provider?: object;
  readonly payment?: object;
  /** Other mints that the router accepts, behind the demo mint. */
  readonly otherMints?: readonly string[];
}

/** A whole router in this process over real sockets: a demo mint, demo model servers, and a wallet that knows only the mint. */
export interface RouterWorld extends AsyncDisposable {
  readonly url: string;
  readonly mint: DemoMint;
  /** The first of `upstreams`. */
  readonly model: ModelServer;
  readonly upstreams: readonly ModelServer[];
  readonly config: Config;
  /** Everything the router logged, at the lowest level. */
  readonly log: string;
  /** A fresh token of the demo mint. */
  fund(sat: number, amounts?: readonly number[]): string;
  /** The coins of a token of the demo mint. */
  coinsOf(token: string): readonly Proof[];
  /** What those coins are worth, msat, before the mint's fee. */
  faceOf(token: string): number;
  /** What the mint takes for spending them, msat. */
  feeOf(token: string): number;
  /** Receives a token in an independent wallet; msat that came in, after the mint's fee. */
  receive(token: string): Promise<number>;
  /** Marks a text that must never be logged; the end of the world checks it. */
  keepSecret(text: string): void;
  /** Faults of the router's books, as `nutroute doctor` finds them. */
  faults(): Promise<readonly string[]>;
  restart(): Promise<void>;
}

export const MODEL = 'demo-model';
/** Prices of the cheapest upstream; every further one costs a tenth more. */
export const INPUT_MSAT = 5;
export const OUTPUT_MSAT = 50;
export const API_KEY = `${KEY_CANARY}-e2e`;

export async function routerWorld(options: RouterWorldOptions = {}): Promise<RouterWorld> {
  const home = await mkdtemp(join(tmpdir(), 'nutroute-e2e-'));
  const mint = await startMint({ inputFeePpk: options.feePpk ?? 100, ...options.mint });
  const servers = options.upstreams ?? [{}];
  const upstreams = await Promise.all(
    servers.map((server) => startModelServer({ apiKey: API_KEY, ...server })),
  );
  const config = await writeConfig(home, { mint, upstreams, options });
  const lines = collectLines();
  const secrets = new Set([API_KEY, PROMPT_CANARY]);
  let app: App = await startApp(config, lines.log);

  const keepSecret = (text: string): void => {
    secrets.add(text);
    keepOutOfLogs(text);
  };
  const reader = await walletAt(mint);
  const read = (token: string): readonly Proof[] => {
    const coins = reader.decodeToken(token).proofs;
    for (const text of [token, ...coins.flatMap(({ secret, C }) => [secret, C])]) keepSecret(text);
    return coins;
  };
  const [model] = upstreams;
  if (model === undefined) throw new Error('a world needs a model server');

  return {
    mint,
    model,
    upstreams,
    config,
    get url() {
      return app.url;
    },
    get log() {
      return lines.text();
    },
    fund(sat, amounts) {
      const token = mint.faucet(sat, 'sat', amounts);
      read(token);
      return token;
    },
    coinsOf: read,
    faceOf: (token) => worthOf(read(token)),
    feeOf: (token) => Number(reader.getFeesForProofs([...read(token)])) * 1000,
    async receive(token) {
      read(token);
      return receiveAt(mint, token);
    },
    keepSecret,
    async faults() {
      const books = await checkBooks(config, silentLog);
      return books?.faults ?? ['there is no database'];
    },
    async restart() {
      await app.stop();
      app = await startApp(config, lines.log);
    },
    async [Symbol.asyncDispose]() {
      await app.stop();
      await Promise.all([...upstreams.map((server) => server.close()), mint.close()]);
      await rm(home, { recursive: true });
      expect(leaksIn(lines.text(), secrets), 'the log tells secrets').toEqual([]);
    },
  };
}

/** Receives a token of any demo mint in an independent wallet; msat that came in. Rejects when the mint refuses. */
export async function receiveAt(mint: Pick<DemoMint, 'url'>, token: string): Promise<number> {
  const wallet = await walletAt(mint);
  return worthOf(await wallet.receive(token));
}

async function walletAt(mint: Pick<DemoMint, 'url'>): Promise<Wallet> {
  const wallet = new Wallet(mint.url, { unit: 'sat' });
  await wallet.loadMint();
  return wallet;
}

function worthOf(coins: readonly Proof[]): number {
  return coins.reduce((sum, { amount }) => sum + Number(amount.toString()) * 1000, 0);
}

/** What looks like a token, or like the secret or the signature of a coin, whoever made it. */
const SECRET_FORMS = /cashu[AB][\w-]{20,}|(?<![\da-f])(?:0[23])?[\da-f]{64}(?![\da-f])/gi;

/** The secrets in a log: those that are known, and those that give themselves away by their form. */
export function leaksIn(log: string, secrets: Iterable<string>): readonly string[] {
  const known = [...secrets].filter((secret) => log.includes(secret));
  return [...new Set([...known, ...(log.match(SECRET_FORMS) ?? [])])];
}

async function writeConfig(
  home: string,
  world: {
    readonly mint: DemoMint;
    readonly upstreams: readonly ModelServer[];
    readonly options: RouterWorldOptions;
  },
): Promise<Config> {
  const { mint, upstreams, options } = world;
  const price = { unit: 'sat', input: INPUT_MSAT * 1000, output: OUTPUT_MSAT * 1000 };
  const file = {
    node: { name: 'e2e node', about: 'for tests' },
    mints: [mint.url, ...(options.otherMints ?? [])],
    bitcoin: { usd: 100_000 },
    ...(options.payment === undefined ? {} : { payment: options.payment }),
    providers: upstreams.map(({ url }, index) => ({
      id: `upstream-${index}`,
      kind: 'openai',
      baseUrl: url,
      apiKey: 'env:UPSTREAM_KEY',
      markup: 1 + index / 10,
      models: [{ id: MODEL, name: 'Demo', context: 131_072, maxOutput: 8_192, price }],
      ...options.provider,
    })),
  };
  const configFile = join(home, 'providers.json');
  await writeFile(configFile, JSON.stringify(file));
  return loadConfig({
    flags: { home, config: configFile, host: '127.0.0.1', port: '0', 'log-level': 'trace' },
    env: { UPSTREAM_KEY: API_KEY },
    cwd: home,
  });
}

/** The log that `nutroute serve` writes, kept; and written to a file where one is asked for. */
function collectLines(): { readonly log: ReturnType<typeof createLog>; text(): string } {
  const kept: string[] = [];
  const toFile = openTestLog('e2e');
  const stdout = new Writable({
    decodeStrings: false,
    write(chunk: unknown, _encoding, done) {
      kept.push(String(chunk));
      toFile?.(String(chunk));
      done();
    },
  });
  const { stdin, stderr } = process;
  const terminal = { stdin, stdout, stderr, env: {}, cwd: '' } as unknown as Terminal;
  return { log: createLog('trace', terminal, true), text: () => kept.join('') };
}
