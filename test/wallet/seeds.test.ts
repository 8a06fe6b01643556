import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { loadSeeds, open, seal } from '../../src/wallet/seeds.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

async function freshHome(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nutroute-seeds-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return join(folder, 'home');
}

test('the first start creates a seed that only its owner can read, and says so once', async () => {
  const home = await freshHome();

  const first = await loadSeeds(home);
  const second = await loadSeeds(home);

  expect(first.notice).toContain(join(home, 'seed.txt'));
  expect(second.notice).toBeUndefined();
  expect({ ...second, notice: '' }).toEqual({ ...first, notice: '' });
  expect((await stat(home)).mode & 0o777).toBe(0o700);
  expect((await stat(join(home, 'seed.txt'))).mode & 0o777).toBe(0o600);
});

test('the notice holds no word of the seed in a row', async () => {
  const home = await freshHome();

  const { notice } = await loadSeeds(home);

  const words = await readFile(join(home, 'seed.txt'), 'utf8');
  expect(words.trim().split(' ')).toHaveLength(12);
  expect(notice).not.toContain(words.trim().split(' ').slice(0, 3).join(' '));
});

test('two starts at once agree on one seed', async () => {
  const home = await freshHome();

  const all = await Promise.all([1, 2, 3, 4].map(() => loadSeeds(home)));

  expect(new Set(all.map(({ fingerprint }) => fingerprint)).size).toBe(1);
  expect(all.filter(({ notice }) => notice !== undefined)).toHaveLength(1);
});

test('the seeds of payers, treasury and keys are all different, and stable', async () => {
  const home = await freshHome();
  await loadSeeds(home);
  await writeFile(
    join(home, 'seed.txt'),
    'abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about\n',
  );

  const seeds = await loadSeeds(home);

  expect([seeds.payers.length, seeds.treasury.length, seeds.storage.length]).toEqual([64, 64, 32]);
  const all = [seeds.payers, seeds.treasury, seeds.storage, seeds.log].map(hex);
  expect(new Set(all.map((text) => text.slice(0, 64))).size).toBe(4);
  expect(all.map((text) => text.slice(0, 16))).toMatchInlineSnapshot(`
    [
      "92035c77f7523b9e",
      "586fe862123c6ac7",
      "080d75df1764f464",
      "1a00ac5ac18b924a",
    ]
  `);
  expect(seeds.fingerprint).toMatchInlineSnapshot(`"74f1f4c88cfb00a4"`);
});

test('a seed file that others can read stops the start', async () => {
  const home = await freshHome();
  await loadSeeds(home);
  await chmod(join(home, 'seed.txt'), 0o644);

  await expect(loadSeeds(home)).rejects.toThrow('chmod 600');
});

test('a damaged seed file stops the start and is left alone', async () => {
  const home = await freshHome();
  await loadSeeds(home);
  await writeFile(join(home, 'seed.txt'), 'these are no seed words\n');

  await expect(loadSeeds(home)).rejects.toThrow('no valid BIP39 seed words');
  expect(await readFile(join(home, 'seed.txt'), 'utf8')).toBe('these are no seed words\n');
});

test('what is sealed opens only with its key and only unchanged', () => {
  const key = new Uint8Array(32).fill(7);
  const sealed = seal(key, Buffer.from('a swap body'));

  expect(Buffer.from(open(key, sealed)).toString()).toBe('a swap body');
  expect(hex(sealed)).not.toContain(Buffer.from('a swap body').toString('hex'));
  expect(hex(seal(key, Buffer.from('a swap body')))).not.toBe(hex(sealed));
  expect(() => open(new Uint8Array(32), sealed)).toThrow(/./);
  expect(() => open(key, sealed.subarray(0, 20))).toThrow(RangeError);
  for (const position of [0, 15, sealed.length - 1]) {
    const changed = Buffer.from(sealed);
    changed[position] = (changed[position] ?? 0) ^ 1;
    expect(() => open(key, changed)).toThrow(/./);
  }
});
