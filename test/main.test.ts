import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { main } from '../src/main.ts';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'nutroute-main-'));
});
afterEach(() => {
  rmSync(cwd, { recursive: true });
});

async function run(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const code = await main(argv, { stdin, stdout, stderr, env: { NUTROUTE_HOME: cwd }, cwd });
  const read = (stream: PassThrough): string => String(stream.read() ?? '');
  return { code, stdout: read(stdout), stderr: read(stderr) };
}

const SUBCOMMANDS = ['demo', 'init', 'serve', 'doctor', 'wallet', 'ask'];

describe('the command line', () => {
  test('tells its subcommands, and exits 2 when none is named', async () => {
    const help = await run('--help');
    const nothing = await run();

    for (const name of SUBCOMMANDS) expect(help.stdout).toContain(`  ${name} `);
    expect(help.code).toBe(0);
    expect(nothing).toEqual({ ...help, code: 2 });
  });

  test('tells its version', async () => {
    const { version } = JSON.parse(
      readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
    ) as { version: string };

    expect(await run('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test.each(SUBCOMMANDS)('%s tells its flags and those of every subcommand', async (name) => {
    const { code, stdout } = await run(name, '--help');

    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: nutroute ${name}`);
    for (const flag of ['host', 'port', 'home', 'database', 'config', 'log-level', 'json']) {
      expect(stdout).toContain(`--${flag}`);
    }
  });

  test.each([
    [['fly'], 'unknown subcommand: fly'],
    [['serve', '--fly'], '--fly'],
    [['serve', 'now'], 'unexpected argument: now'],
    [['ask', '--max-sat', '-1', 'why'], '--max-sat'],
    [['ask', '--max-sat', '0.5', 'why'], '--max-sat must be a whole number'],
    [['wallet'], 'say balance'],
    [['wallet', 'send'], 'send needs'],
    [['wallet', 'send', '1.5'], 'send needs'],
    [['wallet', 'receive'], 'receive needs'],
    [['wallet', 'balance', 'all'], 'unexpected argument: all'],
    [['init', '--upstream', 'http://127.0.0.1:1/v1'], '--mint is missing'],
  ])('%j is wrong usage', async (argv, message) => {
    const { code, stderr, stdout } = await run(...argv);

    expect(stderr).toContain(message);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  test('serve without a configuration says what is missing and names init', async () => {
    const { code, stderr } = await run('serve');

    expect(code).toBe(1);
    expect(stderr).toContain(`${join(cwd, 'providers.json')}: there is no such file`);
    expect(stderr).toContain('nutroute init');
  });

  test('serve with a bad configuration tells every fault, for people and for programs', async () => {
    writeFileSync(join(cwd, 'providers.json'), '{ "mints": ["x"], "providers": [] }');
    const { code, stderr } = await run('serve', '--port', 'x');
    const json = await run('serve', '--port', 'x', '--json');

    expect(code).toBe(1);
    for (const path of ['--port', 'mints[0]', 'providers']) expect(stderr).toContain(`  ${path}: `);
    const { faults } = JSON.parse(json.stdout) as { faults: { path: string }[] };
    expect(faults.map(({ path }) => path)).toEqual(['--port', 'mints[0]', 'providers']);
  });

  test('doctor tells a bad configuration too, and exits 1', async () => {
    const { code, stdout } = await run('doctor', '--json');

    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      checks: [{ name: 'configuration', ok: false }],
    });
  });

  test('ask without a question shows the purse', async () => {
    expect(await run('ask')).toEqual({ code: 0, stdout: 'the purse is empty\n', stderr: '' });
    expect(JSON.parse((await run('ask', '--json')).stdout)).toEqual({ balanceSat: 0, byMint: {} });
  });

  test('ask says when the router does not answer', async () => {
    const { code, stderr } = await run('ask', 'why?', '--router', 'http://127.0.0.1:1');

    expect(code).toBe(1);
    expect(stderr).toContain('http://127.0.0.1:1 does not answer');
  });
});
