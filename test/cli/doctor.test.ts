import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { startApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { startMint } from '../../src/demo/mint.ts';
import type { DemoMint } from '../../src/demo/mint.ts';
import { startRelay } from '../../src/demo/relay.ts';
import type { DemoRelay, RelayOptions } from '../../src/demo/relay.ts';
import { silentLog } from '../../src/lib/log.ts';
import { freePort } from '../support/child-server.ts';
import { runCommand } from './run-command.ts';

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly message: string;
}

let home: string;
let mint: DemoMint;
let world: AsyncDisposableStack;
beforeEach(async () => {
  world = new AsyncDisposableStack();
  home = mkdtempSync(join(tmpdir(), 'nutroute-doctor-'));
  world.defer(() => rmSync(home, { recursive: true }));
  mint = await startMint({ inputFeePpk: 100 });
  world.defer(() => mint.close());
});
afterEach(() => world.disposeAsync());

async function relay(options: RelayOptions = {}): Promise<DemoRelay> {
  const started = await startRelay(options);
  world.defer(() => started.close());
  return started;
}

function configure(file: object): void {
  const base = { mints: [mint.url], bitcoin: { usd: 100_000 }, providers: [] };
  writeFileSync(join(home, 'providers.json'), JSON.stringify({ ...base, ...file }));
}

function discovery(...relays: string[]): object {
  return { relays, directories: [], anchors: [], allowPrivateAddresses: true };
}

async function checks(port?: number): Promise<readonly Check[]> {
  const flags = port === undefined ? [] : ['--port', String(port)];
  const { stdout } = await runCommand(['doctor', '--json', ...flags], {
    cwd: home,
    env: { NUTROUTE_HOME: home },
  });
  return (JSON.parse(stdout) as { checks: readonly Check[] }).checks;
}

async function check(name: string, port?: number): Promise<Check | undefined> {
  return (await checks(port)).find((one) => one.name === name);
}

/** A running router of the configuration; resolves with its port. */
async function serve(port?: number): Promise<number> {
  const flags = { port: String(port ?? (await freePort())) };
  const config = loadConfig({ flags, env: { NUTROUTE_HOME: home }, cwd: home });
  const app = await startApp(config, silentLog);
  world.defer(() => app.stop());
  return Number(new URL(app.url).port);
}

describe('nutroute doctor of a node in the market', () => {
  test('asks every relay, and says which does not answer, and which refuses readers', async () => {
    const good = await relay();
    const closed = await relay({ authRequired: true });
    configure({ discovery: discovery(good.url, closed.url, 'ws://127.0.0.1:9') });
    const all = await checks();

    expect(all).toContainEqual({ name: `relay ${good.url}`, ok: true, message: 'answers' });
    expect(all).toContainEqual({
      name: `relay ${closed.url}`,
      ok: false,
      message: expect.stringContaining('refuses to be read: ["CLOSED","doctor","auth-required'),
    });
    expect(all).toContainEqual({
      name: 'relay ws://127.0.0.1:9',
      ok: false,
      message: 'cannot be reached',
    });
  });

  test('a relay that is only told may ask who tells it', async () => {
    const closed = await relay({ authRequired: true });
    configure({
      node: { url: 'http://127.0.0.1:9', relays: [closed.url] },
      discovery: discovery(),
    });

    expect(await check(`relay ${closed.url}`)).toMatchObject({ ok: true });
  });

  test('who buys needs something to buy with', async () => {
    configure({ discovery: discovery() });
    const before = await check('capital');
    await runCommand(['wallet', 'receive', mint.faucet(100)], {
      cwd: home,
      env: { NUTROUTE_HOME: home },
    });
    const after = await check('capital');

    expect(before).toMatchObject({ ok: false, message: expect.stringContaining('wallet receive') });
    expect(after).toMatchObject({ ok: true, message: '99 sat to buy with' });
  });

  test('asks a node of the file where nodes answer, for its mints, its models and its key', async () => {
    configure({ node: { name: 'sells' }, discovery: discovery() });
    const node = { id: 'n', kind: 'routstr', baseUrl: `http://127.0.0.1:${await serve()}/v1` };
    const buyer = (entry: object, mints = [mint.url]): Promise<Check | undefined> => {
      configure({ mints, providers: [{ ...node, ...entry }] });
      return check('upstream n');
    };

    expect(await buyer({ models: '*' })).toMatchObject({ ok: true, message: 'serves 0 models' });
    expect(await buyer({ models: [{ id: 'm' }] })).toMatchObject({ message: 'does not list m' });
    expect(await buyer({ models: '*', npub: 'a'.repeat(64) })).toMatchObject({
      ok: false,
      message: 'names another key than the one in the file',
    });
    expect(await buyer({ models: '*' }, ['https://mint.example'])).toMatchObject({
      ok: false,
      message: 'takes none of our mints',
    });
  });

  test('tells a file of decisions that would stop the start', async () => {
    configure({ discovery: discovery() });
    const none = await check('decisions');
    writeFileSync(join(home, 'trust.json'), '{x');
    const faulty = await check('decisions');

    expect(none).toMatchObject({ ok: true, message: '0 of yours about nodes' });
    expect(faulty).toMatchObject({ ok: false, message: `${join(home, 'trust.json')} is not JSON` });
    await expect(serve()).rejects.toThrow('is not JSON');
  });

  test('looks whether the announced address leads to the router that runs here', async () => {
    const [port, wrong] = [await freePort(), await freePort()];
    const url = `http://127.0.0.1:${port}`;
    configure({ node: { url }, discovery: discovery() });
    const idle = await check(`address ${url}`, port);
    await serve(port);
    const right = await check(`address ${url}`, port);
    configure({ node: { url: `http://127.0.0.1:${wrong}` }, discovery: discovery() });
    const away = await check(`address http://127.0.0.1:${wrong}`, port);
    configure({ node: { url: mint.url }, discovery: discovery() });
    const other = await check(`address ${mint.url}`, port);

    expect(idle).toMatchObject({ ok: true, message: `not asked: no router answers at ${url}` });
    expect(right).toMatchObject({ ok: true, message: expect.stringMatching(/this router, npub1/) });
    expect(away).toMatchObject({ ok: false, message: expect.stringContaining('does not answer') });
    expect(other).toMatchObject({ ok: false, message: expect.stringContaining('another key') });
  });
});

describe('the first start of a router that only buys', () => {
  test('says in /health what stands in the way', async () => {
    configure({ discovery: discovery('ws://127.0.0.1:9') });
    const health = await fetch(`http://127.0.0.1:${await serve()}/health`);

    expect(health.status).toBe(503);
    expect(await health.json()).toEqual({
      status: 'unavailable',
      reasons: [
        'no model is served: upstreams are down, or prices are not known',
        'no relay can be reached',
        'no node was found yet',
        'the treasury has nothing to buy with',
      ],
    });
  });

  test('models says that there is none, and where it is told why', async () => {
    configure({ discovery: discovery() });
    const port = await serve();
    const { code, stdout } = await runCommand(['models', '--port', String(port)]);

    const url = `http://127.0.0.1:${port}`;
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `${url} serves no model now: ${url}/health tells why\n`,
    });
  });
});
