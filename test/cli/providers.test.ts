import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { bothFound } from '../../src/demo/network-story.ts';
import { startNetwork } from '../../src/demo/network.ts';
import type { Network } from '../../src/demo/network.ts';
import { silentLog } from '../../src/lib/log.ts';
import { npubOf } from '../../src/nostr/npub.ts';
import { announcementBy, pubkeyNumber } from '../discovery/signed-events.ts';
import { freePort } from '../support/child-server.ts';
import { runCommand } from './run-command.ts';
import type { CommandResult } from './run-command.ts';

interface NodeJson {
  readonly id: string;
  readonly name: string;
  readonly pubkey: string;
  readonly link: string;
  readonly unused: string | null;
  readonly atRiskMsat: string;
  readonly standing: { readonly level: string; readonly capSat: number };
  readonly models: readonly { readonly id: string }[] | null;
}

const FOREIGN = 1;
const GONE = 2;
const HIJACKER = 3;

let folder: string;
let network: Network;
/** Where nobody listens. */
let gone: string;
let foreign: { readonly url: string; readonly asked: () => number; close(): Promise<void> };
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nutroute-providers-'));
  network = await startNetwork({ log: silentLog, host: '127.0.0.1', port: 0 });
  foreign = await startForeign();
  gone = `http://127.0.0.1:${await freePort()}`;
  const { relay, flaky } = network;
  const content = JSON.stringify({ name: 'Evil \u001b[31m\u202ename', about: 'sells\nmuch' });
  relay.store(announcementBy(FOREIGN, foreign.url, { content }));
  relay.store(announcementBy(GONE, gone));
  relay.store(announcementBy(HIJACKER, flaky.app.url));
  await bothFound(network);
  write('providers.json', { relays: [relay.url], allowPrivateAddresses: true });
  await vi.waitFor(allAsked, { timeout: 45_000, interval: 200 });
});
afterAll(async () => {
  await network.stop();
  await foreign.close();
  rmSync(folder, { recursive: true });
});

/** Throws while the router does not know yet who answers, and what both good ones sell. */
async function allAsked(): Promise<void> {
  const nodes = await listed('--all');
  const links = nodes.map(({ link }) => link).toSorted();
  const selling = nodes.filter(({ models }) => models !== null).length;
  const state = [...links, `${selling} sell`].join(', ');
  if (state !== 'conflict, down, linked, linked, linked, 2 sell') throw new Error(state);
}

/** A node that takes none of our mints, and counts who asks. */
async function startForeign() {
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    const npub = npubOf(pubkeyNumber(FOREIGN));
    const info = { name: 'Foreign', npub, mints: ['https://mint.example.com'] };
    const models = { data: [{ id: 'm', sats_pricing: { prompt: 0.001, completion: 0.002 } }] };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(request.url === '/v1/info' ? info : models));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => asked,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function write(
  name: string,
  discovery: object | undefined,
  mints: readonly string[] = [network.mint.url],
): string {
  const file = {
    mints,
    bitcoin: { usd: 100_000 },
    providers: [{ id: 'p', kind: 'openai', baseUrl: 'http://127.0.0.1:1/v1', models: '*' }],
    ...(discovery && { discovery: { directories: [], anchors: [], ...discovery } }),
  };
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(file));
  return path;
}

/** Beside the running router, on its home. */
function providers(...argv: string[]): Promise<CommandResult> {
  const { home } = network.router.config;
  return runCommand(['providers', ...argv], { cwd: folder, env: { NUTROUTE_HOME: home } });
}

async function listed(...argv: string[]): Promise<readonly NodeJson[]> {
  const { stdout } = await providers('--json', ...argv);
  return (JSON.parse(stdout) as { nodes: readonly NodeJson[] }).nodes;
}

const idOf = (url: string): string => url.replace('http://', '');
const flakyId = (): string => idOf(network.flaky.app.url);

describe('nutroute providers', () => {
  test('shows who is found, for how much, how far trusted, and why others are not bought from', async () => {
    const { code, stdout } = await providers();

    expect(code).toBe(0);
    const [head = '', ...rows] = stdout.split('\n');
    expect(head.split(/ {2,}/)).toEqual([
      'node',
      'models',
      'output sat/M',
      'latency',
      'trust',
      'at risk',
      'cap',
      'not bought from because',
    ]);
    const cells = rows.map((row) => row.split(/ {2,}/));
    const cheap = cells.find(([id]) => id === flakyId());
    expect(cheap).toEqual([
      flakyId(),
      '1',
      '16000',
      expect.stringMatching(/^\d+ ms$/),
      'unknown',
      '0.000',
      '50',
    ]);
    expect(cells.find(([id]) => id === idOf(foreign.url))?.at(-1)).toBe('takes none of our mints');
    // It is down; and the address of the cheap node names another key than the one that claims it.
    expect(stdout).not.toContain(idOf(gone));
    expect(stdout).toContain(
      '2 more are down, blocked or at an address of another key: --all shows them\n',
    );
  });

  test('--all shows the others too, and why', async () => {
    const nodes = await listed('--all');

    const why = Object.fromEntries(nodes.map(({ pubkey, unused }) => [pubkey, unused]));
    expect(why[pubkeyNumber(GONE)]).toBe('it does not answer');
    expect(why[pubkeyNumber(HIJACKER)]).toBe('its address names another key');
    expect(nodes.find(({ id }) => id === flakyId())).toMatchObject({
      name: 'cheap-and-flaky',
      unused: null,
      atRiskMsat: '0',
      standing: { level: 'unknown', capSat: 50 },
    });
  });

  test('says so where the treasury has nothing at the mints of a node', async () => {
    const mints = [network.mint.url, 'https://mint.example.com'];
    const config = write('two-mints.json', { relays: [], allowPrivateAddresses: true }, mints);
    const nodes = await listed('--config', config);

    const why = nodes.find(({ pubkey }) => pubkey === pubkeyNumber(FOREIGN))?.unused;
    expect(why).toBe('no funds at its mints');
  });

  test('show tells everything of one node, by id, npub, key and URL, and no stranger’s control characters', async () => {
    const key = pubkeyNumber(FOREIGN);
    const shown = await providers('show', npubOf(key));
    const others = await Promise.all(
      [key, idOf(foreign.url), `${foreign.url}/`].map((name) => providers('show', name)),
    );

    expect(shown.code).toBe(0);
    expect(shown.stdout).toMatch(new RegExp(`^key +${npubOf(key)}$`, 'm'));
    expect(shown.stdout).toMatch(/^bought from +no: takes none of our mints$/m);
    expect(shown.stdout).toMatch(/^trust +unknown: its address names its key; lacks: /m);
    // oxlint-disable-next-line no-control-regex
    expect(shown.stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
    for (const { stdout } of others) expect(stdout).toBe(shown.stdout);
    const { stdout } = await providers('show', flakyId(), '--json');
    expect(JSON.parse(stdout)).toMatchObject({ id: flakyId(), models: [{ id: 'demo-model' }] });
  });

  test('only reads: no node is asked, and the router is not disturbed', async () => {
    const asked = foreign.asked();
    const clients = network.relay.clients().length;
    await Promise.all([providers(), providers('--all', '--json'), providers('show', flakyId())]);

    expect(foreign.asked()).toBe(asked);
    expect(network.relay.clients()).toHaveLength(clients);
    const health = await fetch(`${network.router.app.url}/health`);
    expect(await health.json()).toEqual({ status: 'ok' });
  });

  test('trust, block and forget count in the running router, and in the table', async () => {
    const { pubkey } = (await listed()).find(({ id }) => id === flakyId()) ?? { pubkey: '' };
    const market = network.router.app.market;
    const standing = () => market?.discovery.standing(pubkey);
    const counts = (expected: object) => expect.poll(standing).toMatchObject(expected);

    const trusted = await providers('trust', flakyId(), '--cap', '777');
    expect(trusted).toMatchObject({ code: 0, stdout: `${flakyId()}: trusted with 777 sat\n` });
    await counts({ level: 'pinned', capSat: 777 });

    const blocked = await providers('block', npubOf(pubkey), '--json');
    expect(JSON.parse(blocked.stdout)).toEqual({
      id: flakyId(),
      pubkey,
      decision: { block: true },
    });
    await counts({ level: 'blocked', capSat: 0 });
    expect((await listed()).map(({ id }) => id)).not.toContain(flakyId());
    const found = (await listed('--all')).find(({ id }) => id === flakyId());
    expect(found).toMatchObject({ unused: 'blocked', standing: { capSat: 0 } });
    await expect.poll(() => market?.sources().map(({ id }) => id)).not.toContain(flakyId());

    expect((await providers('forget', flakyId())).code).toBe(0);
    await counts({ level: 'unknown', capSat: 100 });
  });

  test('a router all of whose nodes are blocked says so in /health', async () => {
    const sellers = [flakyId(), idOf(network.steady.app.url)];
    for (const seller of sellers) await providers('block', seller);

    const reasons = async (): Promise<unknown> =>
      (await fetch(`${network.router.app.url}/health`)).json();
    await expect
      .poll(reasons)
      .toMatchObject({ reasons: [expect.any(String), expect.stringContaining('can be bought')] });

    for (const seller of sellers) await providers('forget', seller);
    await expect.poll(reasons).toEqual({ status: 'ok' });
  });

  test('trust says so where nothing is bought all the same', async () => {
    const options = { relays: [], allowPrivateAddresses: true };
    const config = write('deny.json', { ...options, deny: ['127.0.0.1'] });
    const denied = await providers('trust', flakyId(), '--cap', '5', '--config', config);
    const away = await providers('trust', npubOf(pubkeyNumber(GONE)), '--cap', '5');
    await providers('forget', flakyId());
    await providers('forget', idOf(gone));

    expect(denied).toMatchObject({
      code: 0,
      stdout: `${flakyId()}: trusted with 5 sat, but nothing is bought there now: denied by the configuration\n`,
    });
    expect(away.stdout).toBe(
      `${idOf(gone)}: trusted with 5 sat, but nothing is bought there now: it does not answer\n`,
    );
  });

  test('probe asks a node now; exit 1 when it does not answer', async () => {
    const alive = await providers('probe', idOf(foreign.url));
    const silent = await providers('probe', npubOf(pubkeyNumber(GONE)), '--json');

    expect(alive).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/ answers 200 in \d+ ms, names its key, lists 1 model\n$/),
    });
    expect(silent.code).toBe(1);
    expect(silent.stderr).toContain(`${gone}: `);
    expect(JSON.parse(silent.stdout)).toMatchObject({ ok: false });
  });

  test('a node that nobody knows is told as such', async () => {
    const { code, stderr } = await providers('show', 'nobody.example');

    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'nutroute providers: no node is known as nobody.example\n',
    });
  });

  test.each([
    [['wait'], 'say show, trust, block, forget or probe, not wait'],
    [['show'], 'show needs a node'],
    [['trust', 'n'], 'trust needs --cap SAT'],
    [['trust', 'n', '--cap', '-1'], '--cap'],
    [['trust', 'n', '--cap', '1.5'], '--cap needs a whole number of sat'],
    [['trust', 'n', '--cap', '100000001'], '--cap needs a whole number of sat from 0 to 100000000'],
    [['block', 'n', '--cap', '5'], '--cap goes with trust'],
    [['--cap', '5'], '--cap goes with trust'],
    [['show', 'n', '--watch'], '--watch goes with the table, not with show'],
    [['probe', 'n', '--all'], '--all goes with the table, not with probe'],
    [['show', 'a', 'b'], 'unexpected argument: b'],
  ])('wrong usage %j is exit 2 before anything is read', async (argv, told) => {
    const { code, stderr } = await runCommand(['providers', ...argv], { cwd: '/nonexistent' });

    expect(code).toBe(2);
    expect(stderr).toContain(told);
  });

  test('a router that does not look for nodes says how it would', async () => {
    const config = write('off.json', undefined);
    const { code, stderr } = await runCommand(['providers', '--config', config]);

    expect(code).toBe(1);
    expect(stderr).toBe(
      `nutroute providers: discovery is off; "discovery": {} in ${config} turns it on\n`,
    );
  });

  test('before the first start there is no node, and no fault', async () => {
    const place = { cwd: folder, env: { NUTROUTE_HOME: join(folder, 'no-home') } };
    const table = await runCommand(['providers'], place);
    const json = await runCommand(['providers', '--json'], place);

    expect(table).toMatchObject({ code: 0, stdout: expect.stringContaining('no node was found') });
    expect(json).toMatchObject({ code: 0, stdout: '{"nodes":[]}\n' });
  });
});
