import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { describe, expect, test, vi } from 'vitest';

import { startRelay } from '../../src/demo/relay.ts';
import type { RelayOptions } from '../../src/demo/relay.ts';
import { createDiscovery } from '../../src/discovery/discovery.ts';
import type { DiscoveryOptions } from '../../src/discovery/discovery.ts';
import { createGuard } from '../../src/discovery/guard/guard.ts';
import { discoverySchema } from '../../src/discovery/schema.ts';
import { npubOf } from '../../src/nostr/npub.ts';
import { testStore } from '../support/ledger-store.ts';
import type { TestStore } from '../support/ledger-store.ts';
import { QUIET_DISCOVERY } from '../support/quiet-discovery.ts';
import { announcementBy, pubkeyNumber, signed } from './signed-events.ts';

const ANCHOR = 200;

/** A node that says who it is. */
async function startNode(number: number) {
  const server = createServer((request, response) => {
    const npub = npubOf(pubkeyNumber(number));
    const body =
      request.url === '/v1/info'
        ? { name: 'Node', npub, version: '1', mints: ['https://mint.example.com'] }
        : { data: [{ id: 'model-x', sats_pricing: { prompt: 0.001, completion: 0.002 } }] };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function startNodes(...numbers: readonly number[]) {
  const started = await Promise.all(numbers.map(startNode));
  return {
    all: started.map(({ url }, at) => ({ url, number: numbers[at] ?? 0 })),
    inOrder: [] as string[],
    async [Symbol.asyncDispose]() {
      for (const node of started) await node[Symbol.asyncDispose]();
    },
  };
}

async function relay(options: RelayOptions = {}) {
  const started = await startRelay(options);
  return { ...started, [Symbol.asyncDispose]: () => started.close() };
}

async function discover(options: Partial<DiscoveryOptions>, stored: TestStore) {
  const guard = createGuard({ allowPrivate: true, socksProxy: undefined });
  const discovery = createDiscovery({
    ...QUIET_DISCOVERY,
    store: stored.store,
    relays: [],
    anchors: [{ pubkey: pubkeyNumber(ANCHOR), weight: 1, mayBlock: true }],
    guard,
    ...options,
  });
  await discovery.start();
  return {
    discovery,
    node: (number: number) => discovery.node(pubkeyNumber(number)),
    async [Symbol.asyncDispose]() {
      await discovery.stop();
      await guard.close();
    },
  };
}

const store = () => testStore([discoverySchema]);
const until = (check: () => void) => vi.waitFor(check, { timeout: 15_000, interval: 20 });

describe('discovery', () => {
  test('finds a node on a relay, asks it who it is, and knows it by id, npub, key and URL', async () => {
    await using one = await relay();
    await using node = await startNode(1);
    await using stored = await store();
    one.store(announcementBy(1, node.url));
    await using world = await discover({ relays: [one.url] }, stored);
    const { discovery } = world;
    let changes = 0;
    discovery.onChange(() => (changes += 1));
    await until(() => expect(world.node(1)?.link).toBe('linked'));
    const id = node.url.replace('http://', '');
    const found = discovery.node(id);
    expect(found).toMatchObject({ id, url: node.url, version: '1', name: 'Node' });
    expect(discovery.node(npubOf(pubkeyNumber(1)))).toBe(found);
    expect(discovery.node(`${node.url}/`)).toBe(found);
    expect(discovery.nodes()).toEqual([found]);
    expect(discovery.standing(pubkeyNumber(1)).level).toBe('unknown');
    expect(discovery.relays()).toHaveLength(1);
    expect(changes).toBeGreaterThan(0);
    expect(discovery.directory(false)).toMatchObject({ providers: [{ endpoint_url: node.url }] });

    expect(found?.models).toBeUndefined();
    discovery.want(pubkeyNumber(1));
    await until(() => expect(world.node(1)?.models?.map((model) => model.id)).toEqual(['model-x']));
    expect((await discovery.check(id)).url).toBe(node.url);
    await expect(discovery.check('nobody')).rejects.toThrow('no node is known as nobody');
  });

  test('starts with those that sold before, though no relay answers; the others follow, in their order', async () => {
    await using stored = await store();
    await using nodes = await startNodes(1, 2, 3);
    {
      await using one = await relay();
      for (const { number, url } of nodes.all) one.store(announcementBy(number, url));
      await using world = await discover({ relays: [one.url] }, stored);
      await until(() => {
        for (const { number } of nodes.all) expect(world.node(number)?.link).toBe('linked');
      });
      world.discovery.want(pubkeyNumber(2));
      await until(() => expect(world.node(2)?.models).toHaveLength(1));
      nodes.inOrder.push(...world.discovery.nodes().map(({ pubkey }) => pubkey));
    }
    await using mute = await relay({ hooks: { onMessage: () => false } });
    await using world = await discover({ relays: [mute.url, 'ws://127.0.0.1:9'] }, stored);
    expect(world.discovery.nodes()).toMatchObject([
      { pubkey: pubkeyNumber(2), link: 'linked', models: [{ id: 'model-x' }] },
    ]);
    await until(() =>
      expect(world.discovery.nodes().map(({ pubkey }) => pubkey)).toEqual(nodes.inOrder),
    );
    for (const { number } of nodes.all) expect(world.node(number)?.link).toBe('linked');
  });

  test('what an anchor warned of is blocked from the first moment of the next start', async () => {
    await using stored = await store();
    await using node = await startNode(1);
    const key = pubkeyNumber(1);
    {
      await using one = await relay();
      one.store(announcementBy(1, node.url));
      await using world = await discover({ relays: [one.url] }, stored);
      await until(() => expect(world.node(1)?.link).toBe('linked'));
      world.discovery.want(key);
      await until(() => expect(world.node(1)?.models).toHaveLength(1));
      const tags = ['d', 'node'].map((name) => [name, key]);
      one.store(signed(ANCHOR, { kind: 38_425, tags: [...tags, ['t', 'avoid']], content: '' }));
      await using reader = await discover({ relays: [one.url] }, stored);
      await until(() => expect(reader.node(1)?.standing.level).toBe('blocked'));
    }
    await using world = await discover({}, stored);
    expect(world.node(1)?.standing.level).toBe('blocked');
  });

  test('a second key that announces a node’s URL, and is warned of, does not disable the node', async () => {
    await using one = await relay();
    await using node = await startNode(1);
    await using stored = await store();
    const hijacker = pubkeyNumber(2);
    one.store(announcementBy(2, node.url));
    one.store(announcementBy(1, node.url));
    const tags = [
      ['d', hijacker],
      ['node', hijacker],
      ['t', 'avoid'],
    ];
    one.store(signed(ANCHOR, { kind: 38_425, tags, content: '' }));
    await using world = await discover({ relays: [one.url] }, stored);
    await until(() => {
      expect(world.node(2)).toMatchObject({ link: 'conflict', standing: { level: 'blocked' } });
      expect(world.node(1)).toMatchObject({ link: 'linked', standing: { level: 'unknown' } });
    });
    expect(world.discovery.node(node.url)?.pubkey).toBe(pubkeyNumber(1));
  });

  test('our own node is none to buy from, and stands in our directory', async () => {
    await using one = await relay();
    await using stored = await store();
    one.store(announcementBy(1, 'http://127.0.0.1:9999'));
    await using world = await discover({ relays: [one.url], ownPubkey: pubkeyNumber(1) }, stored);
    await until(() =>
      expect(world.discovery.directory(false)).toMatchObject({
        providers: [{ pubkey: pubkeyNumber(1), endpoint_url: 'http://127.0.0.1:9999' }],
      }),
    );
    expect(world.discovery.nodes()).toEqual([]);
  });

  test('a node on a denied host is blocked', async () => {
    await using one = await relay();
    await using node = await startNode(1);
    await using stored = await store();
    one.store(announcementBy(1, node.url));
    await using world = await discover({ relays: [one.url], deny: ['127.0.0.1'] }, stored);
    await until(() => expect(world.node(1)?.standing.level).toBe('blocked'));
    expect(world.discovery.standing(pubkeyNumber(1)).capSat).toBe(0);
  });

  test('a node that an anchor’s list warns of is blocked, also when the list comes later', async () => {
    await using one = await relay();
    await using node = await startNode(1);
    await using stored = await store();
    one.store(announcementBy(1, node.url));
    await using world = await discover({ relays: [one.url] }, stored);
    await until(() => expect(world.node(1)?.link).toBe('linked'));
    const content = JSON.stringify({ models: [], 'blacklisted-nodes': [pubkeyNumber(1)] });
    one.store(signed(ANCHOR, { kind: 38_423, tags: [['d', 'routstr-21-models']], content }));
    await until(() => expect(world.node(1)?.standing.level).toBe('blocked'));
  });

  test('a node that only a directory knows is found, as a stranger, and is not passed on', async () => {
    await using node = await startNode(1);
    await using stored = await store();
    await using one = await relay();
    const list = { providers: [{ endpoint_url: node.url, pubkey: pubkeyNumber(9) }] };
    one.store(signed(3, { tags: [['d', 'list']], content: JSON.stringify(list) }));
    await using world = await discover({ relays: [one.url] }, stored);
    await until(() =>
      expect(world.discovery.node(node.url)).toMatchObject({
        link: 'unlinked',
        standing: { level: 'unknown' },
      }),
    );
    expect(world.node(9)).toBeUndefined();
    expect(world.discovery.directory(false).providers).toEqual([]);
    // It announces itself: now it is its key's.
    one.store(announcementBy(1, node.url));
    await until(() => expect(world.node(1)?.link).toBe('linked'));
    expect(world.discovery.nodes()).toHaveLength(1);
  });

  test('a URL that names another’s key gets nothing of the trust in that key', async () => {
    await using owner = await startNode(1);
    await using thief = await startNode(1);
    await using stored = await store();
    await using one = await relay();
    const list = { providers: [{ endpoint_url: thief.url, pubkey: pubkeyNumber(1) }] };
    one.store(announcementBy(1, owner.url));
    one.store(signed(3, { tags: [['d', 'list']], content: JSON.stringify(list) }));
    const pins = [{ pubkey: pubkeyNumber(1), capSat: 100_000 }];
    await using world = await discover({ relays: [one.url], pins }, stored);
    const { discovery } = world;
    await until(() => {
      expect(world.node(1)).toMatchObject({ url: owner.url, link: 'linked' });
      expect(discovery.node(thief.url)?.link).toBe('unlinked');
    });
    const stolen = discovery.node(thief.url);
    expect(stolen?.standing).toMatchObject({ level: 'unknown', capSat: 50 });
    discovery.observe(stolen?.pubkey ?? '', { kind: 'withheld', msat: 1n });
    discovery.observe(stolen?.pubkey ?? '', { kind: 'withheld', msat: 1n });
    await until(() => expect(discovery.node(thief.url)?.standing.level).toBe('blocked'));
    expect(world.node(1)?.standing).toMatchObject({ level: 'pinned', capSat: 100_000 });
  });
});

describe('hostile relays', () => {
  test('a forged copy of a genuine event that comes first hides nothing', async () => {
    await using stored = await store();
    const genuine = announcementBy(1, 'https://node.example.com');
    await using hostile = await relay({ verify: false });
    hostile.store({ ...genuine, content: '{"name":"Forged"}' });
    await using honest = await relay();
    await using world = await discover({ relays: [hostile.url, honest.url] }, stored);
    // The honest relay speaks later.
    setTimeout(() => honest.store(genuine), 300);
    await until(() => expect(world.node(1)?.name).toBe('Node'));
  });

  test('thousands of squatters on a relay hide no node behind them', async () => {
    await using stored = await store();
    await using one = await relay();
    const nowS = Math.floor(Date.now() / 1000);
    const squatter = signed(5, { tags: [['d', 'lnproxy-v1']], content: '{"fee_ppm":1000}' });
    one.store(announcementBy(1, 'https://node.example.com', { created_at: nowS - 900_000 }));
    for (let at = 0; at < 1_500; at++) {
      const id = at.toString(16).padStart(64, '0');
      one.store({ ...squatter, id, pubkey: id, created_at: nowS - at });
    }
    await using world = await discover({ relays: [one.url] }, stored);
    await until(() => expect(world.node(1)?.url).toBe('https://node.example.com'));
    expect(world.discovery.nodes()).toHaveLength(1);
  });

  test('a deleted announcement does not come back from a second relay', async () => {
    await using stored = await store();
    await using first = await relay();
    await using second = await relay();
    const event = announcementBy(1, 'https://node.example.com');
    first.store(event);
    await using world = await discover({ relays: [first.url, second.url] }, stored);
    await until(() => expect(world.node(1)).toBeDefined());
    const tags = [
      ['a', `38421:${pubkeyNumber(1)}:main`],
      ['k', '38421'],
    ];
    first.store(signed(1, { kind: 5, tags, content: '' }));
    await until(() => expect(world.node(1)).toBeUndefined());
    second.store(event);
    second.store(announcementBy(2, 'https://other.example.com'));
    await until(() => expect(world.node(2)).toBeDefined());
    expect(world.node(1)).toBeUndefined();
  });
});
