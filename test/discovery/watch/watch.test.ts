import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { createGuard } from '../../../src/discovery/guard/guard.ts';
import { createKnocks } from '../../../src/discovery/knocks.ts';
import { modelText } from '../../../src/discovery/watch/model-text.ts';
import { UPSERT_MODELS, watchTables } from '../../../src/discovery/watch/tables.ts';
import { createWatch } from '../../../src/discovery/watch/watch.ts';
import type { Watch } from '../../../src/discovery/watch/watch.ts';
import type { WatchedNode } from '../../../src/discovery/watch/watched-node.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { npubOf } from '../../../src/nostr/npub.ts';
import { readModels } from '../../../src/openai/model-list.ts';
import { run } from '../../../src/store/operation.ts';
import type { Schema, Store } from '../../../src/store/store.ts';
import { createSimulatedClock } from '../../support/clock.ts';
import type { SimulatedClock } from '../../support/clock.ts';
import { testStore } from '../../support/ledger-store.ts';
import type { TestStore } from '../../support/ledger-store.ts';
import { startNode } from './fake-node.ts';
import type { FakeNode } from './fake-node.ts';

const KEY = '79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798';
const THIEF = 'f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9';
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ROUND_MS = 1000;

const schema: Schema = { owner: 'discovery', migrations: [watchTables] };
const MODELS = { data: [{ id: 'gpt-6', sats_pricing: { prompt: 0.001, completion: 0.002 } }] };

interface World extends AsyncDisposable {
  readonly store: Store;
  readonly clock: SimulatedClock;
  readonly watch: Watch;
  readonly changes: string[];
  /** Another one on the same store, not started. */
  create(): Watch;
  again(): Promise<Watch>;
  /** Lets time pass and the round come. */
  pass(ms: number): void;
  /** Until `isSo`, without letting time pass. */
  until(isSo: () => boolean): Promise<void>;
}

async function startWorld(): Promise<World> {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const test: TestStore = await testStore([schema]);
  const clock = createSimulatedClock(1_790_000_000_000);
  const guard = createGuard({
    allowPrivate: true,
    socksProxy: undefined,
    // Every name is one of this machine.
    lookup: (_host, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }]),
  });
  const running: Watch[] = [];

  function create(): Watch {
    const knocks = createKnocks(clock);
    const options = { store: test.store, clock, log: silentLog, guard, knocks };
    const watch = createWatch({ ...options, random: () => 0.5 });
    running.push(watch);
    return watch;
  }

  async function again(): Promise<Watch> {
    const watch = create();
    await watch.start();
    return watch;
  }

  const watch = await again();
  const changes: string[] = [];
  watch.onChange((pubkey, d) => changes.push(`${pubkey.slice(0, 4)} ${d}`));
  return {
    store: test.store,
    clock,
    watch,
    changes,
    create,
    again,
    pass(ms) {
      clock.advance(ms);
      vi.advanceTimersByTime(ROUND_MS);
    },
    async until(isSo) {
      await vi.waitUntil(isSo, { timeout: 15_000, interval: 5 });
    },
    async [Symbol.asyncDispose]() {
      await guard.close();
      for (const each of running) await each.stop();
      await test[Symbol.asyncDispose]();
    },
  };
}

function announced(url: string, more: Partial<WatchedNode> = {}): WatchedNode {
  return { pubkey: KEY, d: 'main', urls: [url], announcedAt: 1000, ...more };
}

/** Where a fake node is reached, too: at a host of any name. */
function at(host: string, { url }: FakeNode): string {
  return url.replace('127.0.0.1', host);
}

function info(pubkey = KEY): Record<string, unknown> {
  return { npub: npubOf(pubkey), mints: ['https://mint.example.com/'], version: '0.4.7' };
}

describe('the two-way link', () => {
  test('A node whose URL names its key is linked; what it says of itself is known', async () => {
    await using node = await startNode(info());
    await using world = await startWorld();
    const { watch } = world;
    watch.set([announced(node.url)]);
    expect(watch.findings(KEY, 'main')).toMatchObject({ link: 'unchecked', url: node.url });
    expect(await watch.check(KEY, 'main')).toMatchObject({
      link: 'linked',
      mints: ['https://mint.example.com'],
      version: '0.4.7',
      health: { failures: 0, checkedAtMs: world.clock.now(), answeredAtMs: world.clock.now() },
    });
    expect(world.changes).toContain('79be main');
    expect(watch.findings(KEY, 'main')).toBe(watch.findings(KEY, 'main'));
  });

  test('A URL that a second key claims stays with the key that it names; the thief learns nothing of it', async () => {
    await using node = await startNode(info(), MODELS);
    await using world = await startWorld();
    const { watch } = world;
    const thief = announced(node.url, { pubkey: THIEF, announcedAt: 1 });
    watch.set([thief, announced(node.url)]);
    watch.want(KEY, 'main');
    await watch.check(KEY, 'main');
    expect(watch.findings(KEY, 'main')?.link).toBe('linked');
    expect(watch.findings(THIEF, 'main')).toMatchObject({
      link: 'conflict',
      mints: undefined,
      version: undefined,
      models: undefined,
    });
    expect(node.asked.filter((path) => path === '/v1/info')).toHaveLength(1);
  });

  test('A URL that names no key belongs to whoever announced it first, as seen here, until he lets go', async () => {
    await using node = await startNode({ version: '0.1.0' });
    await using world = await startWorld();
    const { watch } = world;
    watch.set([announced(node.url)]);
    await watch.check(KEY, 'main');
    expect(watch.findings(KEY, 'main')?.link).toBe('unlinked');
    const thief = announced(node.url, { pubkey: THIEF, announcedAt: 1 });
    watch.set([thief, announced(node.url, { announcedAt: 2000 })]);
    expect(watch.findings(THIEF, 'main')?.link).toBe('conflict');
    expect(watch.findings(KEY, 'main')?.link).toBe('unlinked');

    world.changes.length = 0;
    watch.set([thief]);
    expect(watch.findings(KEY, 'main')).toBeUndefined();
    expect(watch.findings(THIEF, 'main')?.link).toBe('unlinked');
    expect(world.changes).toEqual(['f930 main']);
  });

  test('A node with several URLs is dialled at the first that is its own and answers', async () => {
    await using foreign = await startNode(info(THIEF));
    await using dead = await startNode(500);
    await using own = await startNode(info());
    await using world = await startWorld();
    const { watch } = world;
    watch.set([announced('', { urls: [foreign.url, dead.url, own.url] })]);
    expect(await watch.check(KEY, 'main')).toMatchObject({ link: 'linked', url: own.url });
    watch.set([announced('', { urls: [foreign.url, dead.url] })]);
    expect(watch.findings(KEY, 'main')).toMatchObject({ link: 'down', url: dead.url });
    watch.set([announced(foreign.url)]);
    expect(watch.findings(KEY, 'main')?.link).toBe('conflict');
  });

  test('A node that is announced anew is asked anew, but not more than once a minute', async () => {
    await using node = await startNode(info());
    await using world = await startWorld();
    const { watch } = world;
    watch.set([announced(node.url)]);
    await watch.check(KEY, 'main');
    node.info = info(THIEF);
    watch.set([announced(node.url, { announcedAt: 2000 })]);
    world.pass(MINUTE - 1);
    expect(node.asked).toHaveLength(2);
    world.pass(1);
    await world.until(() => watch.findings(KEY, 'main')?.link === 'conflict');
  });
});

describe('liveness', () => {
  test('A node that falls silent is down after two checks, stale after 14 days, and linked again when it answers', async () => {
    await using node = await startNode(info());
    await using world = await startWorld();
    const { watch } = world;
    const link = (): string | undefined => watch.findings(KEY, 'main')?.link;
    const failures = (): number | undefined => watch.findings(KEY, 'main')?.health.failures;
    watch.set([announced(node.url)]);
    world.pass(0);
    await world.until(() => link() === 'linked');
    node.info = 503;
    world.pass(6 * HOUR);
    await world.until(() => failures() === 1);
    expect(link()).toBe('linked');
    world.pass(MINUTE);
    await world.until(() => link() === 'down');
    world.pass(14 * 24 * HOUR);
    await world.until(() => link() === 'stale');
    node.info = info();
    world.pass(4 * MINUTE);
    await world.until(() => link() === 'linked');
    expect(failures()).toBe(0);
  });

  test('A node that asks for money at /v1/info lives', async () => {
    await using node = await startNode(402);
    await using world = await startWorld();
    world.watch.set([announced(node.url)]);
    expect((await world.watch.check(KEY, 'main')).link).toBe('unlinked');
  });

  test('An answer to a real request counts as a check, one that fails brings the check forward', async () => {
    await using node = await startNode(info());
    await using world = await startWorld();
    const { watch } = world;
    watch.set([announced(node.url)]);
    await watch.check(KEY, 'main');
    watch.want(KEY, 'main');
    const asked = node.asked.length;
    expect(asked).toBe(2);
    for (let minute = 0; minute < 9; minute += 1) {
      watch.traffic(KEY, true);
      world.pass(MINUTE - 1);
    }
    watch.traffic(KEY, true);
    expect(watch.findings(KEY, 'main')?.health.answeredAtMs).toBe(world.clock.now());
    expect(node.asked).toHaveLength(asked);
    watch.traffic(KEY, false);
    world.pass(0);
    await world.until(() => node.asked.length > asked);
  });

  test('However long a node is in use, who it is is asked again after 6 hours', async () => {
    await using node = await startNode(info());
    await using world = await startWorld();
    const { watch } = world;
    watch.set([announced(node.url)]);
    await watch.check(KEY, 'main');
    node.asked.length = 0;
    node.info = info(THIEF);
    for (let at = 0; at < 7 * HOUR; at += 4 * MINUTE) {
      watch.traffic(KEY, true);
      world.pass(4 * MINUTE);
    }
    await world.until(() => watch.findings(KEY, 'main')?.link === 'conflict');
    expect(node.asked).toEqual(['/v1/info']);
  });

  test('At most 16 are asked at once, and a wanted one does not wait for those that hang', async () => {
    await using node = await startNode(info());
    await using wanted = await startNode(info(), MODELS);
    await using world = await startWorld();
    const { watch } = world;
    const many = Array.from({ length: 40 }, (_, index) =>
      announced(at(`n${index}.org`, node), { d: `d${index}` }),
    );
    node.hold();
    watch.set([...many, announced(wanted.url)]);
    world.pass(0);
    await world.until(() => node.load.now > 0);
    watch.want(KEY, 'main');
    await world.until(() => watch.findings(KEY, 'main')?.models !== undefined);
    expect(node.load.most).toBeLessThanOrEqual(16);
    node.release();
    await world.until(() => node.load.now === 0);
    world.pass(0);
    await world.until(() => watch.findings(KEY, 'd39')?.link === 'linked');
    expect(node.load.most).toBeLessThanOrEqual(16);
  });

  test('Of those that nobody wants 20 a second are asked, who waits longest first; a wanted one at once', async () => {
    await using node = await startNode(404);
    await using wanted = await startNode(info());
    await using world = await startWorld();
    const { watch } = world;
    const some = (from: number, to: number): WatchedNode[] =>
      Array.from({ length: to - from }, (_, index) =>
        announced(`${at(`n${from + index}.org`, node)}/${from + index}`, { d: `d${from + index}` }),
      );
    const asked = (): readonly number[] =>
      node.asked.map((path) => Number(/^\/(\d+)\/v1\/info$/.exec(path)?.[1]));
    const settled = (count: number): Promise<void> =>
      world.until(() => asked().length >= count && node.load.now === 0);

    watch.set(some(0, 45));
    world.pass(0);
    await settled(20);
    // As their second check falls due, those that have waited all the while come first.
    world.pass(HOUR);
    await settled(40);
    watch.set([...some(0, 45), announced(wanted.url)]);
    watch.want(KEY, 'main');
    await world.until(() => watch.findings(KEY, 'main')?.link === 'linked');
    expect(asked().toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, at) => at));
    world.pass(0);
    await settled(60);
    expect(asked().slice(40)).toEqual(expect.arrayContaining([40, 41, 42, 43, 44]));
    expect(asked()).toHaveLength(60);
  });

  test('A host is not asked more than 32 times a day, however many addresses strangers announce there', async () => {
    await using victim = await startNode(404);
    await using node = await startNode(info());
    await using world = await startWorld();
    const { watch } = world;
    const strangers = Array.from({ length: 200 }, (_, stranger) =>
      announced(`${victim.url}/${stranger}`, { d: `d${stranger}` }),
    );
    const honest = Array.from({ length: 100 }, (_, index) =>
      announced(`${at('hoster.com', node)}/${index}`, { d: `honest${index}` }),
    );
    const dayMs = 24 * HOUR;
    let announcedAt = 1000;
    for (let passedMs = 0; passedMs < dayMs; passedMs += 10 * MINUTE) {
      announcedAt += 1;
      watch.set([...strangers.map((each) => ({ ...each, announcedAt })), ...honest]);
      world.pass(10 * MINUTE - 1);
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    expect(victim.asked).toHaveLength(32);
    for (const { d } of honest) expect(watch.findings(KEY, d)?.link).toBe('linked');
  });

  test('A new node is asked soon, however many addresses that hang strangers announced before it', async () => {
    await using hanging = await startNode(info(THIEF));
    await using node = await startNode(info());
    await using world = await startWorld();
    const { watch } = world;
    const strangers = Array.from({ length: 2_000 }, (_, stranger) =>
      announced(at(`n${stranger}.stranger.com`, hanging), { pubkey: THIEF, d: `d${stranger}` }),
    );
    hanging.hold();
    watch.set(strangers);
    for (let round = 0; round < 10; round += 1) world.pass(ROUND_MS);
    await world.until(() => hanging.load.now > 0);
    watch.set([...strangers, announced(node.url)]);
    world.pass(0);
    await world.until(() => watch.findings(KEY, 'main')?.link === 'linked');
    expect(hanging.asked.length).toBeLessThanOrEqual(4);
  });

  test('Strangers with many addresses each leave a site to every other node', async () => {
    await using node = await startNode(info());
    await using world = await startWorld();
    const { watch } = world;
    const strangers = Array.from({ length: 4_000 }, (_, stranger) =>
      announced('', {
        d: `d${stranger}`,
        urls: Array.from({ length: 8 }, (_, at) => `https://n${stranger}.example.com/${at}`),
      }),
    );
    watch.set([...strangers, announced(node.url)]);
    expect((await watch.check(KEY, 'main')).link).toBe('linked');
  });

  test('A node that is not watched cannot be asked', async () => {
    await using world = await startWorld();
    expect(world.watch.findings(KEY, 'main')).toBeUndefined();
    world.watch.want(KEY, 'main');
    world.watch.traffic(KEY, true);
    await expect(world.watch.check(KEY, 'main')).rejects.toThrow('not watched');
  });
});

describe('models', () => {
  test('Nobody is asked for models that nobody wants', async () => {
    await using node = await startNode(info(), MODELS);
    await using world = await startWorld();
    const { watch } = world;
    watch.set([announced(node.url)]);
    world.pass(0);
    await world.until(() => watch.findings(KEY, 'main')?.link === 'linked');
    for (let hour = 0; hour < 12; hour += 1) world.pass(HOUR);
    expect(node.asked).not.toContain('/v1/models');
    expect(watch.findings(KEY, 'main')).toMatchObject({ models: undefined, modelsAtMs: 0 });
  });

  test('Wanted models are asked for at once, and anew with their ETag, until nobody wants them any more', async () => {
    await using node = await startNode(info(), MODELS);
    await using world = await startWorld();
    const { watch, clock } = world;
    const models = (): unknown => watch.findings(KEY, 'main')?.models;
    const pulls = (): number => node.asked.filter((path) => path === '/v1/models').length;
    node.etag = '"1"';
    watch.set([announced(node.url)]);
    watch.want(KEY, 'main');
    await world.until(() => models() !== undefined);
    expect(models()).toMatchObject([{ id: 'gpt-6', satPerToken: { input: '0.001' } }]);
    expect(watch.findings(KEY, 'main')?.modelsAtMs).toBe(clock.now());
    watch.want(KEY, 'main');
    const first = models();

    world.pass(10 * MINUTE);
    await world.until(() => watch.findings(KEY, 'main')?.modelsAtMs === clock.now());
    expect(models()).toBe(first);
    expect(pulls()).toBe(2);

    node.models = { data: [{ id: 'gpt-7' }] };
    node.etag = '"2"';
    world.pass(10 * MINUTE);
    await world.until(() => models() !== first);
    expect(models()).toMatchObject([{ id: 'gpt-7' }]);

    world.pass(6 * HOUR);
    const last = pulls();
    for (let hour = 0; hour < 6; hour += 1) world.pass(HOUR);
    expect(pulls()).toBeLessThanOrEqual(last + 1);
  });

  test('A node that fails to tell its models keeps the list that it had', async () => {
    await using node = await startNode(info(), MODELS);
    await using world = await startWorld();
    const { watch } = world;
    watch.set([announced(node.url)]);
    await watch.check(KEY, 'main');
    watch.want(KEY, 'main');
    node.models = 500;
    world.pass(10 * MINUTE);
    await world.until(() => node.asked.filter((path) => path === '/v1/models').length >= 2);
    await watch.check(KEY, 'main');
    expect(watch.findings(KEY, 'main')?.models).toMatchObject([{ id: 'gpt-6' }]);
  });

  test('A list of more than 4 MiB is not read', async () => {
    await using node = await startNode(info(), { data: [{ id: 'a', pad: 'x'.repeat(4 << 20) }] });
    await using world = await startWorld();
    world.watch.set([announced(node.url)]);
    const findings = await world.watch.check(KEY, 'main');
    expect(findings).toMatchObject({ link: 'linked', models: undefined });
  });
});

describe('a restart', () => {
  test('knows at once what was found before, and who held a URL first', async () => {
    await using node = await startNode(info(), MODELS);
    await using old = await startNode({ version: '0.1.0' });
    await using world = await startWorld();
    const { watch } = world;
    const nodes = [announced(node.url), announced(old.url, { d: 'old', announcedAt: 5000 })];
    watch.set(nodes);
    watch.want(KEY, 'main');
    const before = [await watch.check(KEY, 'main'), await watch.check(KEY, 'old')];
    await watch.stop();
    node.asked.length = 0;

    const next = await world.again();
    next.set([announced(old.url, { pubkey: THIEF }), ...nodes]);
    expect([next.findings(KEY, 'main'), next.findings(KEY, 'old')]).toEqual(before);
    expect(next.findings(THIEF, 'main')?.link).toBe('conflict');
    expect(node.asked).toEqual([]);
  });

  test('knows it too for nodes that are set while it loads', async () => {
    await using node = await startNode({ version: '0.1.0' });
    await using world = await startWorld();
    const { watch } = world;
    watch.set([announced(node.url)]);
    const before = await watch.check(KEY, 'main');
    await watch.stop();
    const next = world.create();
    next.set([announced(node.url, { pubkey: THIEF, announcedAt: 1 }), announced(node.url)]);
    await next.start();
    expect(next.findings(KEY, 'main')).toEqual(before);
    expect(next.findings(THIEF, 'main')?.link).toBe('conflict');
  });

  test('takes no URL from who held it while nodes are still to come', async () => {
    await using node = await startNode({ version: '0.1.0' });
    await using world = await startWorld();
    const holder = announced(node.url, { announcedAt: 2000 });
    const thief = announced(node.url, { pubkey: THIEF, announcedAt: 1 });
    world.watch.set([holder]);
    await world.watch.check(KEY, 'main');
    await world.watch.stop();

    const next = world.create();
    next.add([thief]);
    await next.warmUp();
    expect(next.findings(THIEF, 'main')?.link).toBe('conflict');
    await next.check(THIEF, 'main');
    await next.start();
    next.add([thief, holder]);
    next.set([thief, holder]);
    expect(next.findings(THIEF, 'main')?.link).toBe('conflict');
    expect(next.findings(KEY, 'main')?.link).toBe('unlinked');
    next.set([thief]);
    expect(next.findings(THIEF, 'main')?.link).toBe('unlinked');
  });

  test('gives a URL that was asked while nodes were still to come to who announced it first', async () => {
    await using node = await startNode({ version: '0.1.0' });
    await using world = await startWorld();
    const thief = announced(node.url, { pubkey: THIEF, announcedAt: 2000 });
    const next = world.create();
    next.add([thief]);
    await next.check(THIEF, 'main');
    next.set([thief, announced(node.url)]);
    expect(next.findings(KEY, 'main')?.link).toBe('unlinked');
    expect(next.findings(THIEF, 'main')?.link).toBe('conflict');
  });

  test('knows whose models are stored', async () => {
    await using node = await startNode(info(), MODELS);
    await using other = await startNode(info(THIEF));
    await using world = await startWorld();
    const { watch } = world;
    watch.set([announced(node.url), announced(other.url, { pubkey: THIEF, d: 'none' })]);
    other.models = 500;
    await Promise.all([watch.check(KEY, 'main'), watch.check(THIEF, 'none')]);
    await watch.stop();
    expect([...(await world.create().sellers())]).toEqual([KEY]);
  });

  test('has the newest model lists at once; the others follow, and are told of', async () => {
    await using world = await startWorld();
    const urls = Array.from({ length: 80 }, (_, index) => `https://n${index}.example.com`);
    const text = modelText(readModels(MODELS));
    await world.store.write(function* () {
      for (const [index, url] of urls.entries()) {
        yield* run(UPSERT_MODELS, url, BigInt(index), null, text);
      }
      yield* run(UPSERT_MODELS, 'https://broken.example.com', 1000n, null, '{');
    });
    const next = world.create();
    const told = new Set<string>();
    next.onChange((_pubkey, d) => told.add(d));
    next.set(urls.map((url) => announced(url, { d: url })));
    const known = (): string[] =>
      urls.filter((url) => next.findings(KEY, url)?.models?.[0]?.id === 'gpt-6');
    await next.start();
    expect(known()).toContain(urls[79]);
    expect(known()).not.toContain(urls[0]);
    await world.until(() => known().length === 80);
    expect(told.size).toBe(80);
  });

  test('goes on with the pause that a silent node had earned', async () => {
    await using node = await startNode(500);
    await using world = await startWorld();
    const { watch } = world;
    watch.set([announced(node.url)]);
    await watch.check(KEY, 'main');
    await watch.stop();
    const next = await world.again();
    next.set([announced(node.url)]);
    expect(next.findings(KEY, 'main')).toMatchObject({ link: 'down', health: { failures: 1 } });
    node.asked.length = 0;
    world.pass(10 * MINUTE - 1);
    expect(node.asked).toEqual([]);
    world.pass(1);
    await world.until(() => node.asked.length === 1);
  });

  test('does not wait for a node that hangs', async () => {
    await using node = await startNode(info());
    await using world = await startWorld();
    node.hold();
    world.watch.set([announced(node.url)]);
    world.pass(0);
    await world.until(() => node.load.now === 1);
    const checking = world.watch.check(KEY, 'main');
    await world.watch.stop();
    node.release();
    expect((await checking).link).toBe('unchecked');
  });
});
