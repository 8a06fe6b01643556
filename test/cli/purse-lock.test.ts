import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { lockFile } from '../../src/cli/purse-lock.ts';

let folder: string;
let purse: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nutroute-lock-'));
  purse = join(folder, 'purse.json');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('the lock of a purse', () => {
  test('is free again when it is given back, and leaves nothing behind', () => {
    lockFile(purse)();
    lockFile(purse)();

    expect(readdirSync(folder)).toEqual([]);
  });

  test('is refused while another living process has it', async () => {
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    writeFileSync(`${purse}.lock`, String(other.pid));

    expect(() => lockFile(purse)).toThrow(`another process (${other.pid}) is using`);
    expect(existsSync(`${purse}.lock`)).toBe(true);

    other.kill('SIGKILL');
    await once(other, 'exit');
    lockFile(purse)();

    expect(readdirSync(folder)).toEqual([]);
  });

  test('of a killed process does not stop the next one', async () => {
    const script = `const { lockFile } = await import(${JSON.stringify(
      new URL('../../src/cli/purse-lock.ts', import.meta.url).href,
    )}); lockFile(${JSON.stringify(purse)}); process.kill(process.pid, 'SIGKILL')`;
    const other = spawn(process.execPath, ['--input-type=module', '-e', script]);
    await once(other, 'exit');

    expect(existsSync(`${purse}.lock`)).toBe(true);
    lockFile(purse)();
    expect(existsSync(`${purse}.lock`)).toBe(false);
  });
});
