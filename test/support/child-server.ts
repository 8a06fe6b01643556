import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Is told everything the program writes. */
  readonly onOutput?: (text: string) => void;
}

/** A server in a process of its own; ended by its pid. */
export interface ChildServer {
  readonly pid: number;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. A program that stays is killed, and the code is then null. */
  stop(): Promise<number | null>;
}

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 40_000;
const POLL_MS = 50;

/** Resolves when `isReady` says so. Rejects with what the program wrote last when it ends before, or never gets ready. */
export async function startChild(
  options: ChildOptions,
  isReady: (output: string) => boolean | Promise<boolean>,
): Promise<ChildServer> {
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const gone = once(child, 'exit');
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-65_536);
      options.onOutput?.(text);
    });
  }
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await isReady(output))) {
    const why = isOver(child) ? 'ended' : Date.now() > deadline ? 'is not ready' : undefined;
    if (why !== undefined) {
      child.kill('SIGKILL');
      throw new Error(`${options.command} ${why}:\n${output.slice(-2_000)}`);
    }
    await sleep(POLL_MS);
  }
  return {
    pid: child.pid ?? 0,
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
    async stop() {
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      const [code] = (await gone) as [number | null];
      clearTimeout(force);
      return code;
    },
  };
}

/** For servers that say nothing when they are up. */
export async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    // Not yet.
    return false;
  }
}

/** A loopback port that is free now; for programs that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function isOver(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
