import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { secretKeyOf } from '../../src/nostr/secret-key.ts';
import { startChild } from './child-server.ts';
import type { ChildServer } from './child-server.ts';
import { KEY_CANARY, keepOutOfLogs, openTestLog, TEST_LOG_DIR } from './test-log.ts';

const BIN = fileURLToPath(new URL('../../src/bin.ts', import.meta.url));
const runFile = promisify(execFile);
const LISTENING = /"time":"([^"]+)","event":"listening","url":"([^"]+)"/;

/** `nutroute serve` in a process of its own, with a home that outlives its restarts. */
export interface RouterProcess extends AsyncDisposable {
  /** `http://127.0.0.1:port`; another one after a restart. */
  readonly url: string;
  /** When it listened, unix ms. */
  readonly listeningAtMs: number;
  readonly pid: number;
  readonly home: string;
  /** What `nutroute doctor --json` finds. */
  doctor(): Promise<DoctorReport>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** After `kill` or `stop`: on the same home. */
  start(): Promise<void>;
}

export interface DoctorReport {
  readonly ok: boolean;
  readonly checks: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly message: string;
  }[];
}

/** The key of providers.json's `"apiKey": "env:UPSTREAM_KEY"`. */
export const UPSTREAM_KEY = `${KEY_CANARY}-upstream`;

export interface RouterOptions {
  /** Default: any free one, another after each start. */
  readonly port?: number;
  /** A token for its treasury: what it may buy with. */
  readonly fund?: string;
}

/** Starts a router with this providers.json and resolves when it listens. Disposing ends it and removes its home. */
export async function startRouter(
  providersFile: object,
  options: RouterOptions = {},
): Promise<RouterProcess> {
  const home = await mkdtemp(join(tmpdir(), 'nutroute-router-'));
  const config = join(home, 'providers.json');
  await writeFile(config, JSON.stringify(providersFile));
  const env = { UPSTREAM_KEY };
  const settings = ['--home', home, '--config', config];
  keepOutOfLogs(UPSTREAM_KEY);

  let url = '';
  let listeningAtMs = 0;
  let child: ChildServer | undefined;
  const router = {
    home,
    get url() {
      return url;
    },
    get listeningAtMs() {
      return listeningAtMs;
    },
    get pid() {
      return child?.pid ?? 0;
    },
    async start() {
      const log = openTestLog('router');
      const level = TEST_LOG_DIR === undefined ? 'info' : 'trace';
      const port = String(options.port ?? 0);
      const where = ['--host', '127.0.0.1', '--port', port, '--log-level', level];
      const args = [BIN, 'serve', ...settings, ...where];
      child = await startChild(
        {
          command: process.execPath,
          args,
          env,
          ...(log === undefined ? {} : { onOutput: log }),
        },
        (output) => {
          const [, time = '', listening = ''] = LISTENING.exec(output) ?? [];
          url = listening;
          listeningAtMs = Date.parse(time);
          return url !== '';
        },
      );
    },
    async doctor() {
      const args = [BIN, 'doctor', '--json', ...settings];
      // Exit 1 says that something is wrong; what, is on stdout all the same.
      const { stdout } = await runFile(process.execPath, args, {
        env: { ...process.env, ...env },
      }).catch((error: unknown) => error as { stdout: string });
      return JSON.parse(stdout) as DoctorReport;
    },
    async kill() {
      await child?.kill();
      child = undefined;
    },
    async stop() {
      const code = await child?.stop();
      child = undefined;
      return code ?? null;
    },
    async [Symbol.asyncDispose]() {
      await router.stop();
      await keepKeysOutOfLogs(home);
      await rm(home, { recursive: true, force: true });
    },
  };
  if (options.fund !== undefined) {
    keepOutOfLogs(options.fund);
    const args = [BIN, 'wallet', 'receive', options.fund, ...settings];
    await runFile(process.execPath, args, { env: { ...process.env, ...env } });
  }
  await router.start();
  return router;
}

async function keepKeysOutOfLogs(home: string): Promise<void> {
  const words = await readFile(join(home, 'seed.txt'), 'utf8');
  keepOutOfLogs(words.trim());
  const nodeKey = join(home, 'node.key');
  if (!existsSync(nodeKey)) return;
  const nsec = (await readFile(nodeKey, 'utf8')).trim();
  keepOutOfLogs(nsec);
  keepOutOfLogs(Buffer.from(secretKeyOf(nsec, undefined)).toString('hex'));
}
