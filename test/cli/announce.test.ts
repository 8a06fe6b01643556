import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { startApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { startMint } from '../../src/demo/mint.ts';
import type { DemoMint } from '../../src/demo/mint.ts';
import { startModelServer } from '../../src/demo/model-server.ts';
import { startRelay } from '../../src/demo/relay.ts';
import type { DemoRelay, RelayHooks, RelayOptions } from '../../src/demo/relay.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { NostrEvent } from '../../src/nostr/event.ts';
import { announcementBy } from '../discovery/signed-events.ts';
import { freePort } from '../support/child-server.ts';
import { runCommand } from './run-command.ts';
import type { CommandResult } from './run-command.ts';

const ANNOUNCEMENT = 38_421;
const DELETION = 5;
const REFUSING: RelayHooks = {
  onMessage([type, event], client) {
    if (type !== 'EVENT') return true;
    client.send('OK', (event as NostrEvent).id, false, 'blocked: not here');
    return false;
  },
};

let home: string;
let mint: DemoMint;
let world: AsyncDisposableStack;
beforeEach(async () => {
  world = new AsyncDisposableStack();
  home = mkdtempSync(join(tmpdir(), 'nutroute-announce-'));
  world.defer(() => rmSync(home, { recursive: true }));
  mint = await startMint();
  world.defer(() => mint.close());
});
afterEach(() => world.disposeAsync());

async function relay(options: RelayOptions = {}): Promise<DemoRelay> {
  const started = await startRelay(options);
  world.defer(() => started.close());
  return started;
}

async function configure(relays: readonly string[]): Promise<{ readonly url: string }> {
  const model = await startModelServer({ models: [{ id: 'small' }] });
  world.defer(() => model.close());
  const url = `http://127.0.0.1:${await freePort()}`;
  const price = { unit: 'sat', input: 1_000, output: 2_000 };
  const file = {
    node: { name: 'My node', about: 'A test', url, relays },
    mints: [mint.url],
    bitcoin: { usd: 100_000 },
    providers: [{ id: 'p', kind: 'openai', baseUrl: model.url, models: [{ id: 'small', price }] }],
    discovery: { relays, directories: [], anchors: [], allowPrivateAddresses: true },
  };
  writeFileSync(join(home, 'providers.json'), JSON.stringify(file));
  return { url };
}

function run(...argv: string[]): Promise<CommandResult> {
  return runCommand(argv, { cwd: home, env: { NUTROUTE_HOME: home } });
}

function at(place: DemoRelay, kind: number): readonly NostrEvent[] {
  return place.query([{ kinds: [kind] }]);
}

function tagsOf({ tags }: Pick<NostrEvent, 'tags'>, name: string): readonly string[] {
  return tags.filter(([key]) => key === name).map(([, value]) => value ?? '');
}

describe('nutroute announce', () => {
  test('--dry-run prints the event that would be sent, and sends nothing', async () => {
    const one = await relay();
    const { url } = await configure([one.url]);
    const { code, stdout } = await run('announce', '--dry-run');

    expect(code).toBe(0);
    const event = JSON.parse(stdout) as NostrEvent;
    expect(event).toMatchObject({ kind: ANNOUNCEMENT });
    expect(event).not.toHaveProperty('sig');
    expect(tagsOf(event, 'u')).toEqual([url]);
    expect(tagsOf(event, 'mint')).toEqual([mint.url]);
    expect(tagsOf(event, 't')).toContain('model:small');
    expect(JSON.parse(event.content)).toMatchObject({ name: 'My node', about: 'A test' });
    expect(one.query([{}])).toEqual([]);
  });

  test('tells every relay, and what each of them did', async () => {
    const [one, other] = [await relay(), await relay({ hooks: REFUSING })];
    const { url } = await configure([one.url, other.url]);
    const { code, stdout } = await run('announce');

    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^held +${one.url}`, 'm'));
    expect(stdout).toMatch(new RegExp(`^refused +${other.url} blocked: not here$`, 'm'));
    expect(at(one, ANNOUNCEMENT).map((event) => tagsOf(event, 'u'))).toEqual([[url]]);
  });

  test('is exit 1 where no relay took it, with what each said', async () => {
    const one = await relay({ hooks: REFUSING });
    await configure([one.url]);
    const { code, stdout } = await run('announce', '--json');

    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      relays: [{ relay: one.url, state: 'refused', message: 'blocked: not here' }],
    });
  });

  test('retire takes it back until it is announced again', async () => {
    const one = await relay();
    await configure([one.url]);
    await run('announce');
    const retired = await run('retire', '--json');

    expect(retired.code).toBe(0);
    expect(JSON.parse(retired.stdout)).toMatchObject({ ok: true, outcome: 'retired' });
    expect(at(one, ANNOUNCEMENT)).toEqual([]);
    expect(at(one, DELETION)).toHaveLength(1);

    const again = await run('announce');
    expect(again.code).toBe(0);
    expect(at(one, ANNOUNCEMENT)).toHaveLength(1);
  });

  test('a router that runs has told its relays itself; beside it both are refused', async () => {
    const one = await relay();
    await configure([one.url]);
    const config = loadConfig({ flags: { port: '0' }, env: { NUTROUTE_HOME: home }, cwd: home });
    await run('announce');
    const app = await startApp(config, silentLog);
    world.defer(() => app.stop());
    const results = [
      await run('announce'),
      await run('announce', '--dry-run'),
      await run('retire'),
    ];

    for (const { code, stderr } of results) {
      expect(code).toBe(1);
      expect(stderr).toContain('is in use by another process; only one router can serve it');
    }
    expect(at(one, ANNOUNCEMENT)).toHaveLength(1);
  });

  test('the node itself is not among those that it may buy from', async () => {
    const one = await relay();
    const { url } = await configure([one.url]);
    await run('announce');
    one.store(announcementBy(1, 'http://127.0.0.1:9999'));
    const config = loadConfig({ flags: { port: '0' }, env: { NUTROUTE_HOME: home }, cwd: home });
    const app = await startApp(config, silentLog);
    world.defer(() => app.stop());
    const listed = async (): Promise<readonly string[]> => {
      const { stdout } = await run('providers', '--all', '--json');
      const { nodes } = JSON.parse(stdout) as { nodes: readonly { url: string }[] };
      return nodes.map((node) => node.url);
    };

    await vi.waitFor(async () => expect(await listed()).toContain('http://127.0.0.1:9999'), 10_000);
    expect(await listed()).not.toContain(url);
  });

  test.each(['announce', 'retire'])('%s needs a relay', async (command) => {
    await configure([]);
    const { code, stderr } = await run(command);

    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `nutroute ${command}: node.relays names no relay\n`,
    });
  });
});
