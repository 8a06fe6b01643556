import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { startMint } from '../../src/demo/mint.ts';
import type { DemoMint } from '../../src/demo/mint.ts';
import { main } from '../../src/main.ts';
import { startPaidRouter } from './paid-router.ts';
import type { PaidRouter } from './paid-router.ts';

let home: string;
let mint: DemoMint;
let router: PaidRouter;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'nutroute-ask-'));
  mint = await startMint();
  router = await startPaidRouter(home, mint.url);
});
afterEach(async () => {
  await router.close();
  await mint.close();
  rmSync(home, { recursive: true });
});

async function ask(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const terminal = { stdin, stdout, stderr, env: { NUTROUTE_HOME: home }, cwd: home };
  const code = await main(['ask', ...argv], terminal);
  return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
}

function startAsk(...argv: string[]): ChildProcess {
  const bin = fileURLToPath(new URL('../../src/bin.ts', import.meta.url));
  return spawn(process.execPath, [bin, 'ask', ...argv], {
    env: { ...process.env, NUTROUTE_HOME: home },
  });
}

async function balance(): Promise<number> {
  const { stdout } = await ask('--json');
  return (JSON.parse(stdout) as { balanceSat: number }).balanceSat;
}

/** Every sat that the mint owes is with the payer or with the router. */
async function expectWhole(): Promise<void> {
  expect((await balance()) + Number(router.total())).toBe(mint.books().outstanding);
}

describe('nutroute ask', () => {
  test('funds the purse, pays, prints the answer, and puts the change back', async () => {
    const funded = await ask('--fund', mint.faucet(1000));
    const { code, stdout, stderr } = await ask('Hello?', '--router', router.url);

    expect(funded.stderr).toContain('1000 sat came in');
    expect(funded.stdout).toBe(`1000 sat at ${mint.url}\n`);
    expect(stdout).toBe('Hello there\n');
    expect(stderr).toBe('first: 10 sat (9500 msat); 990 sat left in the purse\n');
    expect(code).toBe(0);
    expect(router.refunds).toBe(0);
    expect(statSync(join(home, 'purse.json')).mode & 0o777).toBe(0o600);
    await expectWhole();
  });

  test('never gives more than --max-sat out of its hands', async () => {
    await ask('--fund', mint.faucet(1000));
    router.behaviour = 'stall';
    const child = startAsk('Hello?', '--router', router.url, '--max-sat', '50');
    await router.stalled;

    const purse = readFileSync(join(home, 'purse.json'), 'utf8');
    const { coins } = JSON.parse(purse) as { coins: { amount: string }[] };
    expect(coins.reduce((sum, { amount }) => sum + Number(amount), 0)).toBe(950);

    child.kill('SIGKILL');
    await once(child, 'exit');
  });

  test('answers programs in JSON', async () => {
    await ask('--fund', mint.faucet(1000));
    const flags = ['--router', router.url, '--model', 'second', '--json'];
    const { stdout, stderr } = await ask('Hello?', ...flags);

    expect(JSON.parse(stdout)).toEqual({
      model: 'second',
      text: 'Hello there',
      costMsat: 9500,
      costSat: 10,
      balanceSat: 990,
    });
    expect(stderr).toBe('');
  });

  test('takes its token back when the router refuses', async () => {
    await ask('--fund', mint.faucet(1000));
    router.behaviour = 'refuse';
    const { code, stderr } = await ask('Hello?', '--router', router.url);

    expect(stderr).toContain('failed: 404 no such model');
    expect(code).toBe(1);
    expect(await balance()).toBe(1000);
  });

  test('takes the change that comes with an error', async () => {
    await ask('--fund', mint.faucet(1000));
    router.behaviour = 'fail-with-change';
    const { code } = await ask('Hello?', '--router', router.url);

    expect(code).toBe(1);
    expect(router.refunds).toBe(0);
    expect(await balance()).toBe(990);
  });

  test('asks for its change when the answer breaks off', async () => {
    await ask('--fund', mint.faucet(1000));
    router.behaviour = 'break';
    const { code, stdout } = await ask('Hello?', '--router', router.url);

    expect(stdout).toBe('Hello \n');
    expect(code).toBe(1);
    expect(router.refunds).toBe(1);
    expect(await balance()).toBe(990);
    await expectWhole();
  });

  test('Ctrl-C ends the answer, and the change is still taken in', async () => {
    await ask('--fund', mint.faucet(1000));
    router.behaviour = 'stall';
    const child = startAsk('Hello?', '--router', router.url);
    await router.stalled;
    child.kill('SIGINT');
    const [code] = await once(child, 'exit');

    expect(code).toBe(1);
    expect(await balance()).toBe(990);
    await expectWhole();
  });

  test('kill -9 in mid-answer loses nothing: the next run takes the change in', async () => {
    await ask('--fund', mint.faucet(1000));
    router.behaviour = 'stall';
    const child = startAsk('Hello?', '--router', router.url);
    await router.stalled;
    child.kill('SIGKILL');
    await once(child, 'exit');

    const { stderr, stdout } = await ask();

    expect(stderr).toContain('from an earlier run: 90 sat came in');
    expect(stdout).toBe(`990 sat at ${mint.url}\n`);
    await expectWhole();
  });

  test('a second run beside a living one is refused', async () => {
    await ask('--fund', mint.faucet(1000));
    router.behaviour = 'stall';
    const child = startAsk('Hello?', '--router', router.url);
    await router.stalled;

    const { code, stderr } = await ask('Hello?', '--router', router.url);

    expect(code).toBe(1);
    expect(stderr).toContain(`another process (${child.pid}) is using`);
    child.kill('SIGKILL');
    await once(child, 'exit');
  });

  test('an empty purse is told, with the mints that the router accepts', async () => {
    const { code, stderr } = await ask('Hello?', '--router', router.url);

    expect(code).toBe(1);
    expect(stderr).toContain(`no coins of ${mint.url}`);
    expect(stderr).toContain('--fund');
  });
});
