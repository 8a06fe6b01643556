import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, onTestFinished, test } from 'vitest';

import { createGuard } from '../../src/discovery/guard/guard.ts';
import { createRegistry } from '../../src/discovery/registry/registry.ts';
import type { Registry } from '../../src/discovery/registry/registry.ts';
import { discoverySchema } from '../../src/discovery/schema.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { EventTemplate, Filter, NostrEvent } from '../../src/nostr/event.ts';
import { createRelayLink } from '../../src/nostr/relay-link.ts';
import type { RelayLink, RelayLinkOptions } from '../../src/nostr/relay-link.ts';
import { createKeySigner } from '../../src/nostr/signer.ts';
import { createVerifier } from '../../src/nostr/verifier.ts';
import { testStore } from '../support/ledger-store.ts';
import { startKhatru } from './khatru.ts';
import type { Khatru, KhatruOptions } from './khatru.ts';

const folder = process.env['NUTROUTE_INTEROP_KHATRU'] ?? '';

const NODE = 38_421;
const DELETION = 5;
const nowS = Math.floor(Date.now() / 1000);
const verifier = await createVerifier();
const signer = createKeySigner(new Uint8Array(32).fill(1));
const stranger = createKeySigner(new Uint8Array(32).fill(2));
const address = `${NODE}:${signer.pubkey}:node`;
const NODES: Filter = { kinds: [NODE] };

function announcement(parts: Partial<EventTemplate> = {}): Promise<NostrEvent> {
  const tags = [
    ['d', 'node'],
    ['u', 'https://node.example.com'],
    ['t', 'routstr'],
    ['t', 'model:vendor/Model-1.5'],
  ];
  const content = JSON.stringify({ name: 'a node', about: 'ü "quoted"\n' });
  return signer.sign({ kind: NODE, created_at: nowS, tags, content, ...parts });
}

function deletion(parts: Partial<EventTemplate> = {}): Promise<NostrEvent> {
  const tags = [
    ['a', address],
    ['k', String(NODE)],
  ];
  return signer.sign({ kind: DELETION, created_at: nowS, tags, content: '', ...parts });
}

function link(relay: Khatru, options: Partial<RelayLinkOptions> = {}): RelayLink {
  const limits = { backoffMs: 50, maxBackoffMs: 200 };
  const parts = { verifier, log: silentLog, clock: systemClock, limits, ...options };
  const opened = createRelayLink(relay.url, parts);
  onTestFinished(() => opened.close());
  return opened;
}

async function start(options?: KhatruOptions): Promise<{ relay: Khatru; link: RelayLink }> {
  const relay = await startKhatru(folder, options);
  onTestFinished(() => relay[Symbol.asyncDispose]());
  return { relay, link: link(relay) };
}

async function read(from: RelayLink, filter: Filter): Promise<readonly NostrEvent[]> {
  const events: NostrEvent[] = [];
  const end = await from.query([filter], {
    wanted: () => true,
    onEvent: (event) => events.push(event),
  });
  expect(end).toMatchObject({ how: 'eose', events: events.length });
  return events;
}

async function until(isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error('it did not come to that');
    await sleep(10);
  }
}

/** A registry that hears what the relay tells, live. */
async function openRegistry(from: RelayLink): Promise<Registry & { readonly heard: string[] }> {
  const stored = await testStore([discoverySchema]);
  const guard = createGuard({ allowPrivate: false, socksProxy: undefined });
  const registry = createRegistry({
    store: stored.store,
    clock: systemClock,
    log: silentLog,
    checkUrl: (url) => guard.check(url),
    anchors: [],
    relayCount: 1,
  });
  await registry.start();
  onTestFinished(async () => {
    await registry.stop();
    await guard.close();
    await stored[Symbol.asyncDispose]();
  });
  const heard: string[] = [];
  let isReady = false;
  from.subscribe([NODES, { kinds: [DELETION], '#k': [String(NODE)] }], {
    wanted(event, relay) {
      heard.push(event.id);
      return registry.wanted(event, relay);
    },
    onEvent: (event, relay) => registry.ingest(event, relay),
    onStored: () => {
      isReady = true;
    },
  });
  await until(() => isReady);
  return { ...registry, heard };
}

describe.skipIf(folder === '')('khatru', () => {
  test('an announcement is published, read back just as it was, and found by its models', async () => {
    const { link } = await start();
    const event = await announcement();

    await expect(link.publish(event)).resolves.toMatchObject({ ok: true });

    const filters: readonly Filter[] = [
      { ids: [event.id] },
      { ...NODES, authors: [event.pubkey], '#d': ['node'] },
      { ...NODES, '#t': ['model:vendor/Model-1.5'] },
    ];
    for (const filter of filters) {
      await expect(read(link, filter)).resolves.toStrictEqual([event]);
    }
    await expect(read(link, { '#t': ['model:vendor/model-1.5'] })).resolves.toStrictEqual([]);
  });

  test('a forged event is refused', async () => {
    const { link } = await start();

    const result = await link.publish({ ...(await announcement()), content: 'evil' });

    expect(result).toMatchObject({ ok: false, message: expect.stringMatching(/^invalid:/) });
  });

  test('a newer version takes the place of the older one and is told to subscribers', async () => {
    const { relay, link: publisher } = await start();
    const older = await announcement({ created_at: nowS - 1 });
    const newer = await announcement({ created_at: nowS });
    const told: string[] = [];
    let isReady = false;
    link(relay).subscribe([NODES], {
      wanted: () => true,
      onEvent: ({ id }) => told.push(id),
      onStored: () => {
        isReady = true;
      },
    });
    await until(() => isReady);

    await publisher.publish(older);
    await publisher.publish(newer);
    await until(() => told.length === 2);

    expect(told).toStrictEqual([older.id, newer.id]);
    await expect(read(publisher, NODES)).resolves.toStrictEqual([newer]);
    await expect(read(publisher, { ids: [older.id] })).resolves.toStrictEqual([]);
  });

  test.each(['first', 'last'])(
    'of two versions in one second the lowest id stays, sent %s',
    async (place) => {
      const { link } = await start();
      const versions = await Promise.all(['a', 'b'].map((content) => announcement({ content })));
      const ascending = versions.toSorted((a, b) => (a.id < b.id ? -1 : 1));

      for (const event of place === 'first' ? ascending : ascending.toReversed()) {
        await link.publish(event);
      }

      await expect(read(link, NODES)).resolves.toStrictEqual([ascending[0]]);
    },
  );

  test('an announcement that expires is found no more, and can be refreshed', async () => {
    const { link } = await start();
    const expiring = (createdAt: number, expiresAt: number): Promise<NostrEvent> =>
      announcement({
        created_at: createdAt,
        tags: [
          ['d', 'node'],
          ['expiration', String(expiresAt)],
        ],
      });
    const startS = Math.floor(Date.now() / 1000);
    await link.publish(await expiring(startS, startS + 5));
    await expect(read(link, NODES)).resolves.toHaveLength(1);

    await expect.poll(() => read(link, NODES)).toStrictEqual([]);

    const fresh = await expiring(startS + 3, startS + 600);
    await expect(link.publish(fresh)).resolves.toMatchObject({ ok: true });
    await expect(read(link, NODES)).resolves.toStrictEqual([fresh]);
  });

  test('who it insists on knowing reads and writes after an AUTH', async () => {
    const { relay, link: anonymous } = await start({ auth: true });
    const event = await announcement();

    const published = await link(relay, { signer }).publish(event);

    expect(published).toMatchObject({ ok: true });
    await expect(read(anonymous, NODES)).resolves.toStrictEqual([event]);
  });

  test.each([
    [
      'address',
      async () => [
        ['a', address],
        ['k', String(NODE)],
      ],
    ],
    [
      'id',
      async () => [
        ['e', (await announcement()).id],
        ['k', String(NODE)],
      ],
    ],
  ])('its author deletes an announcement by %s', async (_name, tagsOf) => {
    const { link } = await start();
    await link.publish(await announcement());
    const request = await deletion({ tags: await tagsOf() });

    await expect(link.publish(request)).resolves.toMatchObject({ ok: true });

    await expect(read(link, NODES)).resolves.toStrictEqual([]);
    const deletions = await read(link, { kinds: [DELETION], '#k': [String(NODE)] });
    expect(deletions).toStrictEqual([request]);
  });

  test('a stranger deletes nothing', async () => {
    const { link } = await start();
    const event = await announcement();
    await link.publish(event);
    const { kind, created_at: createdAt, tags, content } = await deletion();

    await link.publish(await stranger.sign({ kind, created_at: createdAt, tags, content }));

    await expect(read(link, NODES)).resolves.toStrictEqual([event]);
  });

  test('a deleted announcement that anybody puts back stays deleted for us', async () => {
    const { relay, link: publisher } = await start();
    const event = await announcement();
    const registry = await openRegistry(link(relay));
    await publisher.publish(event);
    await until(() => registry.announcements().length === 1);
    await publisher.publish(await deletion());
    await until(() => registry.announcements().length === 0);

    // What khatru does not prevent.
    await publisher.publish(event);
    await until(() => registry.heard.filter((id) => id === event.id).length === 2);

    await expect(read(publisher, NODES)).resolves.toStrictEqual([event]);
    expect(registry.announcements()).toStrictEqual([]);
  });

  test('an older version that is told live does not win', async () => {
    const { relay, link: publisher } = await start();
    const newer = await announcement({ created_at: nowS });
    const older = await announcement({ created_at: nowS - 60, content: '{"name":"older"}' });
    const registry = await openRegistry(link(relay));
    await publisher.publish(newer);
    await until(() => registry.announcements().length === 1);

    // khatru does not store it, and tells it all the same.
    await publisher.publish(older);
    await until(() => registry.heard.includes(older.id));

    expect(registry.announcements()).toMatchObject([{ id: newer.id }]);
    await expect(read(publisher, NODES)).resolves.toStrictEqual([newer]);
  });

  test('after kill -9 and a restart on the same port the link goes on', async () => {
    const { relay, link: publisher } = await start();
    const reader = link(relay);
    const told: string[] = [];
    const ends: string[] = [];
    reader.subscribe([NODES], {
      wanted: () => true,
      onEvent: ({ id }) => told.push(id),
      onStored: ({ how }) => ends.push(how),
    });
    await until(() => ends.length === 1);

    await relay.killAndRestart();
    const event = await announcement();
    await expect(publisher.publish(event)).resolves.toMatchObject({ ok: true });
    await until(() => told.length === 1);

    expect(told).toStrictEqual([event.id]);
    expect(reader.status.connections).toBe(2);
  });
});
