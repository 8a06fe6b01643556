import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A program of src/demo in a process of its own. */
export interface DemoProcess {
  readonly url: string;
  readonly pid: number;
  /** Sends a command to the control port; its fields are the parameters of the method of that name. */
  command<Result>(name: string, fields?: object): Promise<Result>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** Starts `src/demo/<program>.ts` with the running Node and resolves when it listens. */
export async function startDemoProcess(
  program: 'mint-process' | 'model-process',
  args: readonly string[] = [],
): Promise<DemoProcess> {
  const file = fileURLToPath(new URL(`../../src/demo/${program}.ts`, import.meta.url));
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const { url, control } = await firstLine(child);
  const gone = once(child, 'exit');
  return {
    url,
    pid: child.pid ?? 0,
    async command<Result>(name: string, fields: object = {}) {
      const response = await fetch(`${control}/${name}`, {
        method: 'POST',
        body: JSON.stringify(fields),
      });
      const answer = (await response.json()) as { result: Result; error?: string };
      if (!response.ok) throw new Error(answer.error);
      return answer.result;
    },
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
    async stop() {
      child.kill('SIGTERM');
      const [code] = (await gone) as [number | null];
      return code;
    },
  };
}

async function firstLine(child: ChildProcess): Promise<{ url: string; control: string }> {
  if (child.stdout === null) throw new Error('the program has no output');
  const lines = createInterface({ input: child.stdout });
  const [line] = (await Promise.race([once(lines, 'line'), once(child, 'exit')])) as [unknown];
  if (typeof line !== 'string') throw new Error('the program ended before it listened');
  return JSON.parse(line) as { url: string; control: string };
}
