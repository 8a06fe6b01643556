import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { expect, test } from 'vitest';

import { SABOTAGES, TWO_HOP_SABOTAGES } from './sabotage.ts';

/** The random runs can fail: with one safeguard switched off they do. */

const PROGRAM = fileURLToPath(new URL('run.ts', import.meta.url));

async function crashRuns(...args: readonly string[]) {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  const output = await text(child.stdout);
  const [code] = (await closed) as [number | null];
  return { output, code };
}

test('random runs lose nothing', async () => {
  const { output, code } = await crashRuns('--runs', '4', '--seed', '1');

  expect(output).toContain('sat lost 0');
  expect(output).not.toContain('WRONG');
  expect(code).toBe(0);
});

test.each(SABOTAGES)('random runs notice that %s is sabotaged', async (sabotage) => {
  const { output, code } = await crashRuns('--runs', '20', '--seed', '1', '--sabotage', sabotage);

  expect(output).toContain('WRONG');
  expect(code).toBe(1);
});

test('random runs of two hops lose nothing', async () => {
  const { output, code } = await crashRuns('--hops', '2', '--runs', '4', '--seed', '1');

  expect(output).toContain('sat lost 0');
  expect(output).not.toContain('WRONG');
  expect(code).toBe(0);
});

test.each(TWO_HOP_SABOTAGES)(
  'random runs of two hops notice that %s is sabotaged',
  async (name) => {
    const runs = ['--hops', '2', '--runs', '12', '--seed', '1'];

    const { output, code } = await crashRuns(...runs, '--sabotage', name);

    expect(output).toContain('WRONG');
    expect(code).toBe(1);
  },
);
