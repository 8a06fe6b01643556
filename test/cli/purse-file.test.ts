import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { openPurseFile } from '../../src/cli/purse-file.ts';
import type { PurseContent, TokenEntry } from '../../src/cli/purse-file.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nutroute-purse-'));
  path = join(folder, 'home', 'purse.json');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const COIN = {
  mint: 'https://mint.example',
  keyset: '00ad268c4d1f5826',
  amount: 9_007_199_254_740_993n,
  secret: 'canary-secret',
  C: '02aa',
};
const TOKEN: TokenEntry = {
  kind: 'token',
  id: 'a',
  token: 'cashuBx',
  sentTo: { router: 'http://127.0.0.1:8402', token: 'cashuBy' },
};
const CONTENT: PurseContent = {
  coins: [COIN],
  entries: [
    TOKEN,
    { kind: 'sent', id: 'b', router: 'http://127.0.0.1:8402', token: 'cashuBz' },
    {
      kind: 'swap',
      id: 'c',
      mint: COIN.mint,
      inputs: [COIN],
      keyset: COIN.keyset,
      outputs: [{ amount: 4n, secret: 's', r: '01' }],
      createdAtMs: 1,
      source: TOKEN,
    },
  ],
};

describe('the purse file', () => {
  test('gives back what was put into it, to the last sat', () => {
    openPurseFile(path).replace(CONTENT);

    expect(openPurseFile(path).content).toEqual(CONTENT);
  });

  test('is for its owner alone', () => {
    openPurseFile(path).replace(CONTENT);

    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'home')).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(folder, 'home'))).toEqual(['purse.json']);
  });

  test('is empty when there is none', () => {
    expect(openPurseFile(path).content).toEqual({ coins: [], entries: [] });
  });

  test.each([
    ['damaged', '{"version":1,"coins":[{"secret":"canary-secret"', 'is damaged'],
    ['of a newer version', '{"version":2,"coins":[],"entries":[]}', 'version must be'],
    ['of an unknown entry', '{"version":1,"coins":[],"entries":[{"kind":"loan"}]}', 'entries[0]'],
  ])('is left alone and not quoted when it is %s', (_name, written, message) => {
    openPurseFile(path);
    writeFileSync(path, written);

    expect(() => openPurseFile(path)).toThrow(message);
    expect(() => openPurseFile(path)).not.toThrow('canary');
    expect(readFileSync(path, 'utf8')).toBe(written);
  });
});
