import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

/** Stands for the program: says who it is, and ends as told. */
const MAIN = `
export async function main(argv: readonly string[]): Promise<number> {
  const told = new Promise((resolve) => {
    process.once('SIGTERM', resolve).once('SIGINT', resolve);
  });
  console.log(JSON.stringify({ argv, guard: process.env['NUTROUTE_BUNDLED_NODE'], pid: process.pid }));
  if (argv[0] === 'die') process.kill(process.pid, 'SIGKILL');
  if (argv[0] !== 'wait') return Number(argv[0]);
  const idle = setInterval(() => undefined, 1000);
  const signal = await told;
  clearInterval(idle);
  console.log(signal);
  return 7;
}
`;
/** Preloaded: this Node says it is an old one. The Node that the bin starts does not get it. */
const PRETEND_OLD = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.9.0' } });`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nutroute-bin-'));
  const bin = fileURLToPath(new URL('../src/bin.ts', import.meta.url));
  copyFileSync(bin, join(folder, 'bin.ts'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'main.ts'), MAIN);
  writeFileSync(join(folder, 'old.mjs'), PRETEND_OLD);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function bundleNode(target = process.execPath): void {
  const home = join(folder, 'node_modules', `node-${process.platform}-${process.arch}`);
  mkdirSync(join(home, 'bin'), { recursive: true });
  writeFileSync(join(home, 'package.json'), '{ "version": "24.0.0" }');
  symlinkSync(target, join(home, 'bin', 'node'));
}

function start(isOld: boolean, ...argv: string[]): ChildProcess {
  const preload = isOld ? ['--import', `file://${join(folder, 'old.mjs')}`] : [];
  const { NUTROUTE_BUNDLED_NODE: _guard, ...env } = process.env;
  return spawn(process.execPath, [...preload, join(folder, 'bin.ts'), ...argv], { env });
}

async function run(
  isOld: boolean,
  ...argv: string[]
): Promise<{ code: number | null; signal: string | null; stdout: string; stderr: string }> {
  const child = start(isOld, ...argv);
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, 'exit') as Promise<[number | null, string | null]>,
  ]);
  return { code, signal, stdout, stderr };
}

describe('the bin', () => {
  test('runs the program itself where Node is new enough', async () => {
    const { code, stdout } = await run(false, '3', '--flag');

    expect(JSON.parse(stdout)).toMatchObject({ argv: ['3', '--flag'] });
    expect(stdout).not.toContain('guard');
    expect(code).toBe(3);
  });

  test('on an older Node runs the program with the bundled one, and forwards its exit code', async () => {
    bundleNode();

    const { code, stdout } = await run(true, '3', '--flag');

    expect(JSON.parse(stdout)).toMatchObject({ argv: ['3', '--flag'], guard: '1' });
    expect(code).toBe(3);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('forwards %s to the bundled Node', async (signal) => {
    bundleNode();
    const child = start(true, 'wait');
    const [first] = (await once(child.stdout!, 'data')) as [Buffer];
    const { pid } = JSON.parse(first.toString()) as { pid: number };

    expect(pid).not.toBe(child.pid);
    child.kill(signal);
    const [[second], [code]] = await Promise.all([
      once(child.stdout!, 'data'),
      once(child, 'exit'),
    ]);

    expect(String(second).trim()).toBe(signal);
    expect(code).toBe(7);
  });

  test('a bundled Node that is killed gives the exit code a shell would give', async () => {
    bundleNode();

    expect((await run(true, 'die')).code).toBe(137);
  });

  test('without a bundled Node says what is needed and exits 1', async () => {
    const { code, stderr, stdout } = await run(true, '0');

    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain('needs Node 24 or newer');
    expect(stderr).toContain('https://nodejs.org');
  });

  test('a bundled Node that does not start is told', async () => {
    bundleNode('/nowhere/node');

    const { code, stderr } = await run(true, '0');

    expect(code).toBe(1);
    expect(stderr).toContain('does not start: spawn');
  });

  test('a bundled Node that is old itself does not start itself for ever', async () => {
    const script = join(folder, 'old-node.sh');
    writeFileSync(
      script,
      `#!/bin/sh\nexec "${process.execPath}" --import "file://${join(folder, 'old.mjs')}" "$@"\n`,
      { mode: 0o755 },
    );
    bundleNode(script);

    const { code, stderr } = await run(true, '0');

    expect(code).toBe(1);
    expect(stderr.match(/needs Node 24/g)).toHaveLength(1);
  });
});
