import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { parseArguments } from '../../src/cli/command.ts';
import { init } from '../../src/cli/init.ts';
import { loadConfig } from '../../src/config.ts';
import { startMint } from '../../src/demo/mint.ts';
import type { DemoMint } from '../../src/demo/mint.ts';

let cwd: string;
let mint: DemoMint;
let upstream: Server;
let baseUrl: string;
beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'nutroute-init-'));
  mint = await startMint();
  upstream = createServer((request, response) => {
    const isAllowed = request.headers.authorization === 'Bearer good';
    const body = isAllowed ? { data: [{ id: 'small' }, { id: 'large' }] } : { error: 'no' };
    response.writeHead(isAllowed ? 200 : 401).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => {
    upstream.listen(0, '127.0.0.1', resolve);
  });
  baseUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v1`;
});
afterEach(async () => {
  upstream.close();
  await mint.close();
  rmSync(cwd, { recursive: true });
});

const ENV = { UPSTREAM_KEY: 'good', BAD_KEY: 'bad' };

async function run(
  argv: readonly string[],
  typed?: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const stdin = Object.assign(new PassThrough(), { isTTY: typed !== undefined });
  // Each answer is typed when its question stands there.
  let left = [...(typed ?? [])];
  let shown = '';
  stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
    if (!chunk.toString().endsWith(': ')) return;
    const [next, ...rest] = left;
    left = rest;
    if (next === undefined) stdin.end();
    else stdin.write(`${next}\n`);
  });
  const terminal = { stdin, stdout, stderr, env: ENV, cwd };
  const code = await init.run(parseArguments(init, argv, terminal), terminal);
  return { code, stdout: shown, stderr: String(stderr.read() ?? '') };
}

const flags = (): string[] => [
  '--upstream',
  baseUrl,
  '--api-key-env',
  'UPSTREAM_KEY',
  '--mint',
  mint.url,
];

describe('nutroute init', () => {
  test('writes a file that serve accepts, beside its schema, after asking upstream and mint', async () => {
    const prices = ['--price-input', '0.10', '--price-output', '0.2'];
    const { code, stdout } = await run([
      ...flags(),
      ...prices,
      '--model',
      'small',
      '--usd',
      '65000',
    ]);

    expect(stdout).toContain(`ok     mint ${mint.url}`);
    expect(stdout).toContain('serves all 1 configured models');
    expect(code).toBe(0);
    const config = loadConfig({ flags: {}, env: ENV, cwd });
    expect(config).toMatchObject({
      mints: [mint.url],
      bitcoin: { usd: '65000' },
      providers: [
        {
          id: '127.0.0.1',
          baseUrl,
          apiKey: 'good',
          models: [{ id: 'small' }],
          price: { unit: 'usd', input: '0.1', output: '0.2' },
        },
      ],
    });
    expect(readFileSync(join(cwd, 'providers.json'), 'utf8')).not.toContain('good');
    expect(existsSync(join(cwd, 'providers.schema.json'))).toBe(true);
  });

  test('asks in a terminal for what the flags leave open', async () => {
    const { code } = await run(
      ['--mint', mint.url],
      [baseUrl, 'UPSTREAM_KEY', 'small, large', '', '0.5/1.5', '', ''],
    );

    expect(code).toBe(0);
    expect(loadConfig({ flags: {}, env: ENV, cwd })).toMatchObject({
      node: { name: 'nutroute' },
      providers: [
        {
          models: [{ id: 'small' }, { id: 'large' }],
          price: { input: '0.5', output: '1.5' },
        },
      ],
    });
  });

  test('who has no upstream may sell what other nodes sell, and be found by them', async () => {
    const { code, stdout } = await run(
      ['--mint', mint.url],
      ['none', 'My node', 'https://node.example'],
    );

    expect(code).toBe(0);
    expect(stdout).toContain('nutroute wallet receive TOKEN. Then start with: nutroute serve');
    const config = loadConfig({ flags: {}, env: ENV, cwd });
    expect(config).toMatchObject({
      node: { name: 'My node', url: 'https://node.example', announce: true },
      providers: [],
      discovery: { markup: '1.1', caps: { unknownSat: 50 } },
    });
    expect(config.node.relays).toContain('wss://relay.routstr.com');
  });

  test('an own upstream and other nodes go together, in a terminal and by flags', async () => {
    const typed = [baseUrl, 'UPSTREAM_KEY', 'small', '', '0.5/1.5', 'yes', ''];
    const asked = await run(['--mint', mint.url], typed);
    const first = loadConfig({ flags: {}, env: ENV, cwd });
    const flagged = await run([
      ...flags(),
      '--force',
      '--price',
      'list',
      '--discovery',
      '--url',
      'https://node.example',
      '--relay',
      'wss://relay.example',
    ]);
    const second = loadConfig({ flags: {}, env: ENV, cwd });

    expect([asked.code, flagged.code]).toEqual([0, 0]);
    expect(first.node.announce).toBe(false);
    for (const { providers, discovery } of [first, second]) {
      expect(providers).toHaveLength(1);
      expect(discovery).toBeDefined();
    }
    expect(second.node).toMatchObject({ announce: true, relays: ['wss://relay.example'] });
  });

  test('a terminal that closes ends it, and nothing is written', async () => {
    await expect(run(['--mint', mint.url], [baseUrl])).rejects.toThrow('nothing was written');
    expect(existsSync(join(cwd, 'providers.json'))).toBe(false);
  });

  test('writes nothing when the upstream refuses, but --no-check does', async () => {
    const wrong = [
      '--upstream',
      baseUrl,
      '--api-key-env',
      'BAD_KEY',
      '--mint',
      mint.url,
      '--price',
      'list',
    ];
    const refused = await run(wrong);

    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain('refused the key (401)');
    expect(refused.stderr).toContain('Nothing was written');
    expect(existsSync(join(cwd, 'providers.json'))).toBe(false);

    expect((await run([...wrong, '--no-check'])).code).toBe(0);
    expect(loadConfig({ flags: {}, env: ENV, cwd }).providers[0]?.price).toBe('list');
  });

  test('writes nothing for a model that the upstream does not have', async () => {
    const { code, stdout } = await run([...flags(), '--price', 'upstream', '--model', 'medium']);

    expect(code).toBe(1);
    expect(stdout).toContain('does not list medium');
  });

  test('a key that is not in the environment is told, unless nothing is checked', async () => {
    const unset = [
      '--upstream',
      baseUrl,
      '--api-key-env',
      'NOT_SET',
      '--mint',
      mint.url,
      '--price',
      'list',
    ];

    await expect(run(unset)).rejects.toThrow('names env:NOT_SET, which is missing');
    expect((await run([...unset, '--no-check'])).code).toBe(0);
  });

  test('never overwrites without --force', async () => {
    const path = join(cwd, 'providers.json');
    writeFileSync(path, 'mine');

    await expect(run([...flags(), '--price', 'list'])).rejects.toThrow('--force overwrites it');
    expect(readFileSync(path, 'utf8')).toBe('mine');

    expect((await run([...flags(), '--price', 'list', '--force'])).code).toBe(0);
    expect(readFileSync(path, 'utf8')).not.toBe('mine');
  });

  test.each([
    [['--price', 'cheap'], 'give --price list'],
    [[], 'give --price list'],
    [['--price-input', '1'], 'give --price list'],
    [['--price', 'list', '--price-input', '1'], 'give --price list'],
    [['--price-input', 'x', '--price-output', '1'], '--price-input must be a number'],
    [['--price', 'list', '--usd', 'x'], '--usd must be a number'],
  ])('%j is wrong usage', async (prices, message) => {
    await expect(run([...flags(), ...prices])).rejects.toThrow(message);
  });
});
