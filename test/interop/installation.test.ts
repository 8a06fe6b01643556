import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { cacheFolder, install } from './installation.ts';
import type { Recipe } from './installation.ts';

describe('an installation', () => {
  let cache: string;
  let builds: number;
  beforeEach(() => {
    cache = mkdtempSync(join(tmpdir(), 'nutroute-cache-'));
    builds = 0;
  });
  afterEach(() => {
    rmSync(cache, { recursive: true });
  });

  function recipe(parts: Partial<Recipe> = {}): Recipe {
    return {
      name: 'thing',
      version: '1',
      needs: [],
      async build(folder) {
        builds += 1;
        writeFileSync(join(folder, 'content'), 'good');
      },
      async check(folder) {
        const content = await readFile(join(folder, 'content'), 'utf8');
        if (content !== 'good') throw new Error('it is broken');
      },
      ...parts,
    };
  }

  test('is built once', async () => {
    const first = await install(recipe(), cache);
    const second = await install(recipe(), cache);

    const folder = join(cache, `thing-1-${process.arch}`);
    expect(first).toMatchObject({ kind: 'ready', folder });
    expect(second).toMatchObject({ kind: 'ready', folder });
    expect(builds).toBe(1);
  });

  test('that does not work any more is built again', async () => {
    const first = await install(recipe(), cache);
    const folder = first.kind === 'ready' ? first.folder : '';
    writeFileSync(join(folder, 'content'), 'rotten');

    expect(await install(recipe(), cache)).toMatchObject({ kind: 'ready', folder });
    expect(builds).toBe(2);
  });

  test('that fails says why and leaves nothing behind', async () => {
    async function build(folder: string): Promise<void> {
      writeFileSync(join(folder, 'content'), 'half');
      throw new Error('the index is down');
    }

    expect(await install(recipe({ build }), cache)).toEqual({
      kind: 'failed',
      why: 'the index is down',
    });
    expect(readdirSync(cache)).toEqual([]);
  });

  test('is skipped where the machine lacks a tool', async () => {
    const needs = [
      { name: 'node', probe: [process.execPath, '--version'] },
      { name: 'a flux compensator', probe: ['no-such-program-anywhere'] },
    ] as const;

    expect(await install(recipe({ needs }), cache)).toEqual({
      kind: 'skipped',
      why: 'needs a flux compensator',
    });
    expect(existsSync(join(cache, 'thing'))).toBe(false);
  });
});

test('the cache folder is where the XDG specification wants it', () => {
  expect(cacheFolder({ XDG_CACHE_HOME: '/var/cache/me' })).toBe('/var/cache/me/nutroute-interop');
  expect(cacheFolder({ XDG_CACHE_HOME: 'relative' })).toMatch(/\/\.cache\/nutroute-interop$/);
  expect(cacheFolder({})).toMatch(/\/\.cache\/nutroute-interop$/);
});
