import { execFile, execFileSync } from 'node:child_process';
import {
  accessSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

interface Manifest {
  readonly version: string;
  readonly bin: { readonly nutroute: string };
  readonly files: readonly string[];
  readonly dependencies: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as Manifest;

/** A Node older than 24 on this machine, if it has one. */
const oldNode = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((folder) => !folder.includes('node_modules'))
  .map((folder) => join(folder, 'node'))
  .filter((path) => existsSync(path))
  .find((path) => Number(execFileSync(path, ['-p', 'process.versions.node.split(".")[0]'])) < 24);

let elsewhere: string;
let installed: string;

/** As npm installs it: what is packed, in a node_modules beside its dependencies. */
beforeAll(async () => {
  elsewhere = mkdtempSync(join(tmpdir(), 'nutroute-package-'));
  installed = join(elsewhere, 'node_modules', 'nutroute');
  mkdirSync(installed, { recursive: true });
  copyFileSync(join(checkout, 'package.json'), join(installed, 'package.json'));
  for (const name of manifest.files.filter((file) => file !== 'dist' && file !== 'docs')) {
    if (existsSync(join(checkout, name))) copyFileSync(join(checkout, name), join(installed, name));
  }
  for (const name of readdirSync(join(checkout, 'node_modules'))) {
    if (name.startsWith('.')) continue;
    symlinkSync(join(checkout, 'node_modules', name), join(elsewhere, 'node_modules', name));
  }
  const tsc = join(checkout, 'node_modules', '.bin', 'tsc');
  await run(tsc, ['--project', checkout, '--outDir', join(installed, 'dist')]);
}, 60_000);
afterAll(() => {
  rmSync(elsewhere, { recursive: true });
});

function emitted(): { path: string; text: string }[] {
  return readdirSync(join(installed, 'dist'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.js'))
    .map((path) => ({ path, text: readFileSync(join(installed, 'dist', path), 'utf8') }));
}

describe('the npm package', () => {
  test('has a bin with a shebang, and the schema that editors use', () => {
    expect(readFileSync(join(installed, manifest.bin.nutroute), 'utf8')).toMatch(
      /^#!\/usr\/bin\/env node\n/,
    );
    expect(manifest.files).toContain('providers.schema.json');
    accessSync(join(installed, 'providers.schema.json'));
  });

  test('names no TypeScript file that it does not have', () => {
    const loads = emitted().flatMap(({ path, text }) =>
      [...text.matchAll(/(?:from|import\(|new URL\()\s*['"](\.[^'"]+\.ts)['"]/g)].map(
        ([, specifier]) => `${path} loads ${specifier}`,
      ),
    );

    expect(emitted().length).toBeGreaterThan(10);
    expect(loads).toEqual([]);
  });

  test('has every worker that it starts', () => {
    const sources = readdirSync(join(checkout, 'src'), { recursive: true, encoding: 'utf8' });
    const workers = sources.filter((path) => path.endsWith('worker.ts'));

    expect(workers.length).toBeGreaterThan(0);
    for (const worker of workers) {
      expect(existsSync(join(installed, 'dist', worker.replace(/\.ts$/, '.js')))).toBe(true);
    }
  });

  test('runs on this Node', async () => {
    const { stdout } = await run(process.execPath, [bin(), '--version']);

    expect(stdout).toBe(`${manifest.version}\n`);
  });

  test.runIf(oldNode !== undefined)('runs on an older Node, with the bundled one', async () => {
    const version = await run(oldNode ?? '', [bin(), '--version']);
    const usage = run(oldNode ?? '', [bin(), 'fly']);

    expect(version.stdout).toBe(`${manifest.version}\n`);
    await expect(usage).rejects.toMatchObject({ code: 2 });
  });
});

function bin(): string {
  return join(installed, manifest.bin.nutroute);
}
