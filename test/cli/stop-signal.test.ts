import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, test } from 'vitest';

const MODULE = new URL('../../src/cli/stop-signal.ts', import.meta.url).href;
/** Says when it is told to stop, and then never ends by itself. */
const SCRIPT = `
const { stopSignal } = await import(${JSON.stringify(MODULE)});
const stopped = stopSignal();
console.log('ready');
setInterval(() => undefined, 1000);
console.log(await stopped);
`;

async function start(): Promise<{ child: ChildProcess; output: () => string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', SCRIPT]);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await once(child.stdout, 'data');
  return { child, output: () => output };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}

describe('a signal to stop', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s is told once; a second one ends the process at once', async (signal, code) => {
    const { child, output } = await start();
    child.kill(signal);
    await until(() => output().includes(signal));
    await sleep(600);

    expect(child.exitCode).toBe(null);
    child.kill(signal);
    const [exitCode] = await once(child, 'exit');

    expect(exitCode).toBe(code);
  });

  test('its echo, forwarded by npm, is not a second one', async () => {
    const { child, output } = await start();
    child.kill('SIGINT');
    await until(() => output().includes('SIGINT'));
    child.kill('SIGINT');
    await sleep(200);

    expect(child.exitCode).toBe(null);
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
});
