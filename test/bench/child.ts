import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

import type { Reply } from './parent.ts';

/** A process of the bench on a CPU of its own, where there are two. */
export interface Child {
  readonly pid: number;
  /** The first message it sends, when it is ready. */
  readonly ready: Promise<{ readonly url: string }>;
  /** Rejects when the process ends before it answers. */
  ask<Result>(name: string, argument?: unknown): Promise<Result>;
  /** SIGTERM, and SIGKILL when it stays; resolves with its exit code. */
  stop(): Promise<number | null>;
}

export interface ChildOptions {
  readonly file: string;
  readonly args?: readonly string[];
  readonly nodeFlags?: readonly string[];
  readonly cpu: 0 | 1;
  readonly env?: Readonly<Record<string, string>>;
  /** A file descriptor for its output; default: ours. */
  readonly output?: number;
}

const STOP_TIMEOUT_MS = 45_000;

const isPinned =
  cpus().length > 1 && spawnSync('taskset', ['--version'], { stdio: 'ignore' }).status === 0;

/** Whether processes have CPUs of their own. */
export function pins(): boolean {
  return isPinned;
}

export function startChild(options: ChildOptions): Child {
  const file = fileURLToPath(new URL(options.file, import.meta.url));
  const node = [process.execPath, ...(options.nodeFlags ?? []), file, ...(options.args ?? [])];
  const [command = '', ...args] = isPinned ? ['taskset', '-c', String(options.cpu), ...node] : node;
  const output = options.output ?? 'inherit';
  const stdio: StdioOptions = ['ignore', output, output, 'ipc'];
  const child = spawn(command, args, { stdio, env: { ...process.env, ...options.env } });
  // The bench leaves nothing behind, however it ends.
  const killAtExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const gone = once(child, 'exit').finally(() => process.off('exit', killAtExit));
  return talkingTo(child, gone, options.file);
}

function talkingTo(child: ChildProcess, gone: Promise<unknown[]>, name: string): Child {
  const asked = new Map<number, PromiseWithResolvers<unknown>>();
  const ready = Promise.withResolvers<{ url: string }>();
  let nextId = 1;
  ready.promise.catch(() => undefined);
  child.on('message', (message: Reply | { url: string }) => {
    if ('url' in message) {
      ready.resolve(message);
      return;
    }
    const waiting = asked.get(message.id);
    asked.delete(message.id);
    if (message.error === undefined) waiting?.resolve(message.result);
    else waiting?.reject(new Error(`${name}: ${message.error}`));
  });
  void gone.then(([code]) => {
    const error = new Error(`${name} ended with code ${String(code)}`);
    ready.reject(error);
    for (const waiting of asked.values()) waiting.reject(error);
  });
  return {
    pid: child.pid ?? 0,
    ready: ready.promise,
    async ask<Result>(question: string, argument: unknown = null) {
      const answer = Promise.withResolvers<unknown>();
      asked.set(nextId, answer);
      child.send({ id: nextId, name: question, argument });
      nextId += 1;
      return (await answer.promise) as Result;
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
