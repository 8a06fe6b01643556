import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** Every Node on this machine outside of node_modules, and the one that runs this test. */
const nodes = [
  process.execPath,
  ...(process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => !folder.includes('node_modules'))
    .map((folder) => join(folder, 'node'))
    .filter((path) => existsSync(path)),
].map((path) => ({
  path,
  version: execFileSync(path, ['-p', 'process.version']).toString().trim(),
}));
const oneOfEach = nodes.filter(
  ({ version }, index) => nodes.findIndex((other) => other.version === version) === index,
);

let elsewhere: string;
beforeAll(async () => {
  elsewhere = mkdtempSync(join(tmpdir(), 'nutroute-npm-'));
  // .npmrc switches scripts off; this one, which builds dist, is ours.
  await run('npm', ['pack', '--ignore-scripts=false', '--pack-destination', elsewhere], {
    cwd: checkout,
  });
  const tarball = readdirSync(elsewhere).find((name) => name.endsWith('.tgz')) ?? '';
  writeFileSync(join(elsewhere, 'package.json'), '{ "private": true }');
  await run('npm', ['install', '--no-audit', '--no-fund', join(elsewhere, tarball)], {
    cwd: elsewhere,
  });
});
afterAll(() => {
  rmSync(elsewhere, { recursive: true });
});

describe.each(oneOfEach)(
  'the packed tarball, installed elsewhere, on Node $version',
  ({ path }) => {
    const bin = (): string => join(elsewhere, 'node_modules', 'nutroute', 'dist', 'bin.js');

    test('tells its version', async () => {
      const { stdout } = await run(path, [bin(), '--version'], { cwd: elsewhere });

      expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    });

    test('shows the demo', async () => {
      const { stdout } = await run(path, [bin(), 'demo', '--once'], { cwd: elsewhere });

      expect(stdout).toContain('change');
    });
  },
);
