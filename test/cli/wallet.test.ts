import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { startMint } from '../../src/demo/mint.ts';
import type { DemoMint } from '../../src/demo/mint.ts';
import { main } from '../../src/main.ts';

let home: string;
let mint: DemoMint;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'nutroute-wallet-'));
  mint = await startMint({ inputFeePpk: 100 });
  const provider = { id: 'p', kind: 'openai', baseUrl: 'http://127.0.0.1:1/v1', models: '*' };
  const file = { mints: [mint.url], bitcoin: { usd: 60_000 }, providers: [provider] };
  writeFileSync(join(home, 'providers.json'), JSON.stringify(file));
});
afterEach(async () => {
  await mint.close();
  rmSync(home, { recursive: true });
});

async function run(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const terminal = { stdin, stdout, stderr, env: { NUTROUTE_HOME: home }, cwd: home };
  const code = await main(argv, terminal);
  return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
}

describe('nutroute wallet', () => {
  test('receives a token, shows it, and sends another, to the sat', async () => {
    const empty = await run('wallet', 'balance');
    const received = await run('wallet', 'receive', mint.faucet(100), '--json');
    const sent = await run('wallet', 'send', '40');
    const again = await run('wallet', 'sent');
    const left = await run('wallet', 'balance', '--json');

    expect(empty.stdout).toBe('the treasury is empty\n');
    expect(JSON.parse(received.stdout)).toEqual({ receivedSat: 99 });
    expect(sent).toMatchObject({ code: 0, stdout: expect.stringMatching(/^cashuB\S+\n$/) });
    expect(again.stdout).toBe(sent.stdout);
    const { mints } = JSON.parse(left.stdout) as { mints: { mint: string; sat: number }[] };
    expect(mints).toEqual([{ mint: mint.url, sat: mint.books().outstanding - 40 }]);

    const back = await run('wallet', 'receive', sent.stdout.trim());
    expect(back).toMatchObject({ code: 0, stdout: 'received 39 sat\n' });
  });

  test('a receive whose answer was lost is finished by doing it again', async () => {
    const token = mint.faucet(50);
    mint.addFault({ path: '/v1/swap', kind: 'drop', when: 'after', times: 9 });
    mint.addFault({ path: '/v1/restore', kind: 'drop', times: 9 });
    const lost = await run('wallet', 'receive', token);
    mint.clearFaults();

    const again = await run('wallet', 'receive', token);
    const twice = await run('wallet', 'receive', token);

    expect(lost.code).toBe(1);
    expect(again).toMatchObject({ code: 0, stdout: 'received 49 sat\n' });
    expect(twice.code).toBe(1);
  });

  test('refuses to send more than there is', async () => {
    const { code, stderr, stdout } = await run('wallet', 'send', '1');

    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain('nutroute wallet: ');
  });

  test('never shows the token it refuses', async () => {
    const token = mint.faucet(10);
    await run('wallet', 'receive', token);
    const again = await run('wallet', 'receive', token);

    expect(again.code).toBe(1);
    expect(again.stderr).toContain('already spent');
    expect(again.stderr).not.toContain(token.slice(0, 30));
  });
});

describe('nutroute doctor', () => {
  test('asks mint and upstream and checks the books; exit 1 when one is wrong', async () => {
    await run('wallet', 'receive', mint.faucet(100));
    const { code, stdout } = await run('doctor');

    expect(stdout).toContain(`ok     configuration: ${join(home, 'providers.json')}`);
    expect(stdout).toContain(`ok     mint ${mint.url}: issues sat, input fee 100 ppk`);
    expect(stdout).toContain('FAILED upstream p: does not answer');
    expect(stdout).toMatch(/ok {5}books: .*99 sat in coins/);
    expect(code).toBe(1);
  });

  test('has nothing to check where there is no database yet', async () => {
    const { stdout } = await run('doctor', '--json');
    const { checks } = JSON.parse(stdout) as { checks: unknown[] };

    expect(checks).toContainEqual({ name: 'books', ok: true, message: 'there is no database yet' });
  });
});
