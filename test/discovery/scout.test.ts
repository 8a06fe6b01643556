import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect, test, vi } from 'vitest';

import { keyOfUrl } from '../../src/discovery/found-nodes.ts';
import { createGuard } from '../../src/discovery/guard/guard.ts';
import { createKnocks } from '../../src/discovery/knocks.ts';
import { discoverySchema } from '../../src/discovery/schema.ts';
import { createScout } from '../../src/discovery/scout.ts';
import type { ScoutOptions } from '../../src/discovery/scout.ts';
import { silentLog } from '../../src/lib/log.ts';
import { npubOf } from '../../src/nostr/npub.ts';
import { createSimulatedClock } from '../support/clock.ts';
import { testStore } from '../support/ledger-store.ts';
import { keyOf } from './registry/events.ts';

/** Answers by path; everything else is 404. `asked`: the paths in order. */
async function serve(answers: Readonly<Record<string, (url: string) => unknown>>) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const answer = answers[request.url ?? ''];
    response.statusCode = answer === undefined ? 404 : 200;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer?.(url) ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function setUp(options: Partial<ScoutOptions>, allowPrivate = true) {
  const stored = await testStore([discoverySchema]);
  const clock = createSimulatedClock();
  const guard = createGuard({ allowPrivate, socksProxy: undefined });
  const open = () =>
    createScout({
      store: stored.store,
      clock,
      log: silentLog,
      guard,
      knocks: createKnocks(clock),
      directories: [],
      neighbours: () => [],
      hints: () => [],
      isSettled: () => false,
      random: () => 0.5,
      ...options,
    });
  return {
    open,
    clock,
    async [Symbol.asyncDispose]() {
      await guard.close();
      await stored[Symbol.asyncDispose]();
    },
  };
}

const info = (pubkey: string) => () => ({
  name: 'Quiet node\u202e',
  description: 'announces nothing',
  version: '0.4.7',
  npub: npubOf(pubkey),
  mints: ['https://mint.example.com/'],
});

test('a node in a directory is what its own /v1/info says, and goes by no key that somebody only names', async () => {
  await using server = await serve({
    '/v1/providers/': (url) => ({
      providers: [{ endpoint_url: url, pubkey: keyOf('thief'), name: 'Stolen' }],
    }),
    '/v1/info': info(keyOf('owner')),
  });
  await using world = await setUp({ directories: [`${server.url}/v1/providers/`] });
  const scout = world.open();
  await scout.look();
  expect(scout.found()).toEqual([
    {
      pubkey: keyOfUrl(server.url),
      told: keyOf('owner'),
      d: server.url,
      urls: [server.url],
      createdAt: 0,
      name: 'Quiet node',
      about: 'announces nothing',
      version: '0.4.7',
      mints: ['https://mint.example.com'],
    },
  ]);
  const again = world.open();
  await again.start();
  expect(again.found()).toEqual(scout.found());
  again.stop();
});

test('directories of known nodes are asked too, and hints of relays; each URL once a day', async () => {
  await using server = await serve({
    '/v1/providers/': (url) => ({ providers: [{ endpoint_urls: [`${url}/one`] }] }),
    '/one/v1/info': info(keyOf('one')),
    '/two/v1/info': info(keyOf('two')),
  });
  await using world = await setUp({
    neighbours: () => [server.url],
    hints: () => [`${server.url}/two`, `${server.url}/known`],
    isSettled: (url) => url.endsWith('/known'),
  });
  const scout = world.open();
  await scout.look();
  expect(new Set(scout.found().map(({ told }) => told))).toEqual(
    new Set([keyOf('one'), keyOf('two')]),
  );
  await scout.look();
  world.clock.advance(24 * 3_600_000);
  await scout.look();
  expect(server.asked.filter((path) => path === '/two/v1/info')).toHaveLength(2);
  expect(server.asked).not.toContain('/known/v1/info');
});

test('a URL that names no key, or does not answer, is no node; one that is forgotten is gone', async () => {
  await using server = await serve({
    '/nobody/v1/info': () => ({ name: 'x', npub: 'npub1nonsense' }),
    '/one/v1/info': info(keyOf('one')),
  });
  await using world = await setUp({
    hints: () => ['nobody', 'gone', 'one'].map((name) => `${server.url}/${name}`),
  });
  const scout = world.open();
  await scout.look();
  expect(scout.found().map(({ told }) => told)).toEqual([keyOf('one')]);
  scout.forget(`${server.url}/one`);
  expect(scout.found()).toEqual([]);
});

test('hints without end, at addresses that hang, are followed a few at a time', async () => {
  let asked = 0;
  const getJson = () => {
    asked += 1;
    return new Promise<never>(() => undefined);
  };
  const check = (url: string) => ({ ok: true as const, url });
  const hints = () => Array.from({ length: 100 }, (_, at) => `https://node-${at}.example.com`);
  await using world = await setUp({ guard: { check, getJson }, hints });
  const scout = world.open();
  vi.useFakeTimers();
  try {
    for (let seconds = 0; seconds < 60; seconds += 1) {
      scout.hinted();
      await vi.advanceTimersByTimeAsync(1_000);
    }
  } finally {
    vi.useRealTimers();
    scout.stop();
  }
  expect(asked).toBe(4);
});

test('hints at one host are followed so often a day, and at many hosts so often a minute', async () => {
  const asked: string[] = [];
  const getJson = (url: string) => {
    asked.push(url);
    return Promise.reject(new Error('not found'));
  };
  const check = (url: string) => ({ ok: true as const, url });
  let count = 0;
  /** Other addresses each time. */
  const hints = () =>
    Array.from({ length: 300 }, () => {
      count += 1;
      return count % 2 === 0
        ? `https://victim.example.com/${count}`
        : `https://n${count}.example.com`;
    });
  await using world = await setUp({ guard: { check, getJson }, hints });
  const scout = world.open();
  vi.useFakeTimers();
  try {
    for (let seconds = 0; seconds < 300; seconds += 1) {
      scout.hinted();
      world.clock.advance(1_000);
      await vi.advanceTimersByTimeAsync(1_000);
    }
  } finally {
    vi.useRealTimers();
    scout.stop();
  }
  expect(asked.filter((url) => url.includes('victim'))).toHaveLength(32);
  expect(asked.length).toBeGreaterThan(400);
  expect(asked.length).toBeLessThanOrEqual(5 * 200);
});

test('one domain, with whatever many nodes in it, leaves room for those of others', async () => {
  const getJson = () =>
    Promise.resolve({ status: 200, json: info(keyOf('any'))(), etag: undefined });
  const check = (url: string) => ({ ok: true as const, url });
  const urls = Array.from({ length: 600 }, (_, at) => `https://n${at}.stranger.com`);
  let hinted = urls.slice(0, 0);
  await using world = await setUp({ guard: { check, getJson }, hints: () => hinted });
  const scout = world.open();
  for (let from = 0; from < urls.length; from += 200) {
    hinted = urls.slice(from, from + 200);
    await scout.look();
  }
  hinted = ['https://node.example.com'];
  await scout.look();
  expect(scout.found().map(({ d }) => d)).toContain('https://node.example.com');
  expect(scout.found()).toHaveLength(51);
});

test('hints at private addresses are never dialled', async () => {
  await using server = await serve({ '/v1/info': info(keyOf('inside')) });
  const directory = await serve({ '/': () => ({ providers: [{ endpoint_url: server.url }] }) });
  await using _ = directory;
  await using world = await setUp(
    { directories: [directory.url], hints: () => [server.url] },
    false,
  );
  const scout = world.open();
  await scout.look();
  expect(scout.found()).toEqual([]);
  expect([...server.asked, ...directory.asked]).toEqual([]);
});
