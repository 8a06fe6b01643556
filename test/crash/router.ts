import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import type { CrashPoint } from './crash-point.ts';
import type { Sabotage } from './sabotage.ts';

export interface RouterOptions {
  /** Where it kills itself, and at which pass. */
  readonly point?: { readonly name: CrashPoint; readonly nth?: number } | undefined;
  readonly sabotage?: Sabotage | undefined;
  /** Default: any that is free. */
  readonly port?: number | undefined;
}

/** The router in a process of its own. */
export interface Router {
  /** Undefined when it died at its point before it listened. */
  readonly url: string | undefined;
  readonly isAlive: boolean;
  /** When it was gone, milliseconds since the epoch. */
  readonly gone: Promise<number>;
  /** SIGKILL to its own pid; resolves when it is gone. Nothing happens when it already is. */
  kill(): Promise<number>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

const PROGRAM = fileURLToPath(new URL('router-process.ts', import.meta.url));
const PROOF = 'proof.txt';

/** Starts a router on the folder's `providers.json` and database. Rejects when it ends otherwise than at its point. */
export async function startRouter(home: string, options: RouterOptions = {}): Promise<Router> {
  const { point, sabotage, port = 0 } = options;
  const proofsBefore = proofs(home).length;
  const config = join(home, 'providers.json');
  const args = ['--home', home, '--config', config, '--port', String(port)];
  if (point !== undefined) {
    args.push('--point', point.name, '--nth', String(point.nth ?? 1), '--proof', join(home, PROOF));
  }
  if (sabotage !== undefined) args.push('--sabotage', sabotage);
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  // A crash test that ends leaves no process behind.
  const killAtExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const output = createWriteStream(join(home, 'router.log'), { flags: 'a' });
  child.stdout.pipe(output, { end: false });
  child.stderr.pipe(output, { end: false });

  let isAlive = true;
  const gone = once(child, 'exit').then(() => {
    isAlive = false;
    process.off('exit', killAtExit);
    return Date.now();
  });
  const url = await Promise.race([
    listeningUrl(createInterface({ input: child.stdout })),
    gone.then(() => undefined),
  ]);
  if (url === undefined && proofs(home).length === proofsBefore)
    throw new Error(`the router did not start:\n${lastLines(home)}`);

  return {
    url,
    get isAlive() {
      return isAlive;
    },
    gone,
    async kill() {
      child.kill('SIGKILL');
      return gone;
    },
    async stop() {
      child.kill('SIGTERM');
      await gone;
      return child.exitCode;
    },
  };
}

/** The points at which routers of this home died, in order. */
export function proofs(home: string): readonly string[] {
  const file = join(home, PROOF);
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
}

async function listeningUrl(lines: AsyncIterable<string>): Promise<string | undefined> {
  for await (const line of lines) {
    if (!line.includes('"listening"')) continue;
    const { url } = JSON.parse(line) as { url: string };
    return url;
  }
  return undefined;
}

/** What routers of this home logged as errors, each once. */
export function loggedErrors(home: string): readonly string[] {
  const lines = readFileSync(join(home, 'router.log'), 'utf8').split('\n');
  const errors = lines.filter((line) => /^\{"level":[56]0,/.test(line));
  return [...new Set(errors.map((line) => /"msg":"[^"]*"/.exec(line)?.[0] ?? line))];
}

function lastLines(home: string): string {
  return readFileSync(join(home, 'router.log'), 'utf8').split('\n').slice(-12).join('\n');
}
