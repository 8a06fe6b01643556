import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';

import type { RelayOptions } from '../../src/demo/relay.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { NostrEvent } from '../../src/nostr/event.ts';
import { createRelayBackoff } from '../../src/nostr/relay-backoff.ts';
import { createSimulatedClock } from '../support/clock.ts';
import { announcement, signerNumber } from './events.ts';
import { listen, NODES, openLinkWorld, readAll, until } from './link-world.ts';
import type { LinkWorld } from './link-world.ts';

const nowS = Math.floor(Date.now() / 1000);

let world: LinkWorld;
beforeEach(() => {
  world = openLinkWorld();
});
afterEach(() => world[Symbol.asyncDispose]());

describe('a connection that breaks', () => {
  test('a subscription survives an abrupt drop', async () => {
    const relay = await world.startRelay();
    const told = listen(world.link(relay.url));
    await until(() => told.ends.length === 1);

    relay.dropConnections();
    await until(() => told.ends.length === 2);
    relay.store(await announcement());
    await until(() => told.events.length === 1);

    expect(told.ends).toMatchObject([{ how: 'eose' }, { how: 'eose' }]);
  });

  test('a subscription survives a restart of the relay on the same port', async () => {
    const first = await world.startRelay();
    const link = world.link(first.url);
    const told = listen(link);
    await until(() => told.ends.length === 1);

    await first.close();
    await until(() => link.status.state === 'waiting');
    const second = await world.startRelay({ port: first.port });
    second.store(await announcement());
    await until(() => told.events.length === 1);

    expect(link.status.connections).toBe(2);
  });

  test('after a reconnect all is asked again, so that what came late or backdated is not missed', async () => {
    const relay = await world.startRelay();
    const told = listen(world.link(relay.url));
    const newer = await announcement({ created_at: nowS });
    relay.store(newer);
    await until(() => told.events.length === 1);

    relay.dropConnections();
    relay.store(await announcement({ created_at: nowS - 3_600, tags: [['d', 'backdated']] }));
    await until(() => told.events.length === 3);

    expect(told.events.at(-1)?.created_at).toBe(nowS - 3_600);
  });

  test('a relay that goes silent behind an open connection is noticed (half-open TCP)', async () => {
    const relay = await world.startRelay();
    const proxy = await startSilencingProxy(relay.port);
    world.add(proxy);
    const link = world.link(proxy.url, { limits: { heartbeatMs: 200, connectTimeoutMs: 1_000 } });
    const told = listen(link);
    await until(() => told.ends.length === 1);

    proxy.silence();
    await until(() => link.status.state !== 'open');
    const { lastError } = link.status;
    proxy.speak();
    relay.store(await announcement());
    await until(() => told.events.length === 1);

    expect(lastError).toBe('the relay went silent');
  });

  test('a quiet relay that answers pings is left alone', async () => {
    const relay = await world.startRelay();
    const link = world.link(relay.url, { limits: { heartbeatMs: 300 } });
    const told = listen(link);
    await until(() => told.ends.length === 1);

    await new Promise((resolve) => setTimeout(resolve, 1_000));

    expect(link.status).toMatchObject({ state: 'open', connections: 1 });
  });

  test('a query that is under way is told that it was lost', async () => {
    const relay = await world.startRelay({
      hooks: {
        onMessage([verb], client) {
          if (verb === 'REQ') client.terminate();
          return false;
        },
      },
    });

    const { end } = await readAll(world.link(relay.url));

    expect(end).toMatchObject({ how: 'lost', events: 0 });
  });

  test('a dead relay is told from an empty one', async () => {
    const empty = await world.startRelay();
    const dead = await world.startRelay();
    await dead.close();

    const [first, second] = await Promise.all(
      [empty, dead].map(({ url }) => readAll(world.link(url))),
    );

    expect(first?.end).toStrictEqual({ how: 'eose', events: 0 });
    expect(second?.end).toMatchObject({
      how: 'lost',
      why: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('a mute relay is reported as timeout, not as empty', async () => {
    const relay = await world.startRelay({ hooks: { onMessage: () => false } });
    const link = world.link(relay.url, { limits: { storedTimeoutMs: 1_000 } });
    const told = listen(link);

    const { end } = await readAll(link);
    await until(() => told.ends.length === 1);

    expect(end).toStrictEqual({ how: 'timeout', events: 0 });
    expect(told.ends).toStrictEqual([{ how: 'timeout', events: 0 }]);
  });

  test('a stream of stored events without an end times out, and what came counts', async () => {
    const event = await announcement();
    const relay = await world.startRelay({
      hooks: {
        onMessage([verb, id], client) {
          if (verb === 'REQ') client.send('EVENT', id, event);
          return false;
        },
      },
    });

    const { end, events } = await readAll(
      world.link(relay.url, { limits: { storedTimeoutMs: 1_000 } }),
    );

    expect(end).toStrictEqual({ how: 'timeout', events: 1 });
    expect(events).toHaveLength(1);
  });

  test('a refused question is told so, and a subscription asks again later', async () => {
    let requests = 0;
    const relay = await world.startRelay({
      hooks: {
        onMessage([verb, id], client) {
          if (verb !== 'REQ') return true;
          requests += 1;
          if (requests <= 2) client.send('CLOSED', id, 'rate-limited: \u001b[31mslow down');
          return requests > 2;
        },
      },
    });
    const link = world.link(relay.url);

    const { end } = await readAll(link);
    const told = listen(link);
    await until(() => told.ends.length === 2);

    const why = 'rate-limited:  [31mslow down';
    expect(end).toStrictEqual({ how: 'closed', why, events: 0 });
    expect(told.ends).toStrictEqual([
      { how: 'closed', why, events: 0 },
      { how: 'eose', events: 0 },
    ]);
  });

  test('a relay that is away is dialled again and again', async () => {
    const dead = await world.startRelay();
    await dead.close();
    let dials = 0;
    const log = { ...silentLog, debug: () => (dials += 1) };
    const link = world.link(dead.url, { log });
    await until(() => dials >= 5);

    expect(link.status).toMatchObject({ connections: 0 });
  });

  test('the wait before the next dial doubles up to its maximum, half of it random', () => {
    const waits = (random: number): readonly number[] => {
      const backoff = createRelayBackoff(10, 40, () => random);
      return Array.from({ length: 4 }, () => backoff.next());
    };
    expect(waits(1)).toEqual([10, 20, 40, 40]);
    expect(waits(0)).toEqual([5, 10, 20, 20]);
  });
});

describe('a relay that lies', () => {
  /** Answers each REQ with these and nothing else. */
  function telling(...events: readonly unknown[]): RelayOptions {
    return {
      hooks: {
        onMessage([verb, id], client) {
          if (verb !== 'REQ') return false;
          for (const event of events) client.send('EVENT', id, event);
          client.send('EOSE', id);
          return false;
        },
      },
    };
  }

  test('cannot hide an event by a forgery with its id that comes first', async () => {
    const event = await announcement();
    const liar = await world.startRelay(telling({ ...event, content: 'forged' }));
    const honest = await world.startRelay();
    honest.store(event);
    const known = new Map<string, NostrEvent>();
    const handlers = {
      wanted: ({ id }: NostrEvent) => !known.has(id),
      onEvent: (event: NostrEvent) => known.set(event.id, event),
    };
    const liarLink = world.link(liar.url);

    await liarLink.query(NODES, handlers);
    await world.link(honest.url).query(NODES, handlers);

    expect([...known.values()]).toStrictEqual([JSON.parse(JSON.stringify(event))]);
    expect(liarLink.status).toMatchObject({ invalid: 1, accepted: 0 });
  });

  test('cannot blind a subscription for later events by one forged far in the future', async () => {
    const event = await announcement();
    const forged = { ...event, created_at: nowS + 10_000_000, content: 'forged' };
    const relay = await world.startRelay({ verify: false });
    const told = listen(world.link(relay.url));
    await until(() => told.ends.length === 1);
    relay.clients()[0]?.push(forged);

    relay.dropConnections();
    relay.store(event);
    await until(() => told.events.length === 1);

    expect(told.events).toMatchObject([{ id: event.id, created_at: event.created_at }]);
  });

  test('tells nothing that nobody asked for', async () => {
    const event = await announcement();
    const other = await signerNumber(1).sign({ ...event, kind: 10_002 });
    const relay = await world.startRelay(telling(other, { ...event, kind: 'x' }, null, event));
    const link = world.link(relay.url);

    const { events, end } = await readAll(link);

    expect(events.map(({ id }) => id)).toStrictEqual([event.id]);
    expect(end.events).toBe(1);
  });

  test('is banned after 20 wrong signatures within ten minutes', async () => {
    const event = await announcement();
    const forgeries = Array.from({ length: 20 }, (_, index) => ({
      ...event,
      content: `forged ${index}`,
    }));
    const relay = await world.startRelay(telling(...forgeries));
    const link = world.link(relay.url, { limits: { banMs: 2_000 } });

    await readAll(link);
    await until(() => link.status.state === 'banned');

    expect(link.status).toMatchObject({ invalid: 20, lastError: 'its signatures are wrong' });
    await expect(readAll(link)).resolves.toMatchObject({ end: { how: 'lost' } });
    await expect(link.publish(event)).resolves.toMatchObject({
      ok: false,
      message: 'error: its signatures are wrong',
    });
    await until(() => link.status.state === 'open');
    expect(link.status.connections).toBe(2);
  });

  test('is not banned for wrong signatures that are rare', async () => {
    const clock = createSimulatedClock();
    const event = await announcement();
    const forgeries = Array.from({ length: 19 }, (_, index) => ({
      ...event,
      content: `forged ${index}`,
    }));
    const relay = await world.startRelay(telling(...forgeries));
    const link = world.link(relay.url, { clock });

    await readAll(link);
    clock.advance(601_000);
    await readAll(link);

    expect(link.status).toMatchObject({ invalid: 38, state: 'open' });
  });
});

describe('a relay that sends too much', () => {
  test('a frame of 5 MB ends the connection, and the link comes back', async () => {
    let bombs = 1;
    const relay = await world.startRelay({
      hooks: {
        onMessage([verb, id], client) {
          if (verb === 'REQ' && bombs > 0) {
            bombs -= 1;
            client.send('EVENT', id, { content: 'x'.repeat(5_000_000) });
          }
          return true;
        },
      },
    });
    relay.store(await announcement());
    const link = world.link(relay.url);
    const told = listen(link);

    await until(() => told.events.length === 1);

    expect(told.ends[0]).toMatchObject({
      how: 'lost',
      why: expect.stringContaining('Max payload size exceeded'),
    });
    expect(link.status.connections).toBe(2);
  });

  test('a flood of 2,000 events is cut off, and the link comes back after a pause', async () => {
    const event = await announcement();
    let floods = 1;
    const relay = await world.startRelay({
      hooks: {
        onMessage([verb, id], client) {
          if (verb !== 'REQ' || floods === 0) return true;
          floods -= 1;
          for (let index = 0; index < 2_000; index += 1) client.send('EVENT', id, event);
          return true;
        },
      },
    });
    const link = world.link(relay.url, { limits: { maxMessagesPerMinute: 500 } });
    const told = listen(link);

    await until(() => link.status.lastError === 'it floods us');
    await until(() => told.ends.some(({ how }) => how === 'eose'));

    // The challenge of the relay counts, too.
    expect(link.status).toMatchObject({ events: 499, connections: 2 });
    expect(told.ends).toMatchObject([{ how: 'lost', why: 'it floods us' }, { how: 'eose' }]);
  });

  test('so are frames that are too many bytes together', async () => {
    const relay = await world.startRelay({
      hooks: {
        onMessage(_message, client) {
          for (let index = 0; index < 10; index += 1) client.send('NOTICE', 'x'.repeat(100_000));
          return true;
        },
      },
    });
    const link = world.link(relay.url, { limits: { maxBytesPerMinute: 500_000 } });
    const { end } = await readAll(link);

    expect(end).toMatchObject({ how: 'lost', why: 'it floods us' });
  });

  test.each<[string, (socket: WebSocket) => void]>([
    ['binary frames', (socket) => socket.send(Buffer.alloc(1_000))],
    ['pings', (socket) => socket.ping()],
    ['pongs', (socket) => socket.pong()],
  ])('so are %s that say nothing', async (_, annoy) => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    world.add({
      async close() {
        for (const client of server.clients) client.terminate();
        await new Promise((resolve) => server.close(resolve));
      },
    });
    server.on('connection', (socket) => {
      for (let count = 0; count < 1_000; count += 1) annoy(socket);
    });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const link = world.link(`ws://127.0.0.1:${port}`, { limits: { maxMessagesPerMinute: 500 } });
    await until(() => link.status.lastError === 'it floods us');
    expect(link.status.events).toBe(0);
  });

  test('of ever more genuine events, so many are verified at once, and then so many a minute', async () => {
    const clock = createSimulatedClock();
    const relay = await world.startRelay();
    const publish = async (from: number, to: number): Promise<void> => {
      for (let at = from; at < to; at += 1) {
        relay.store(await announcement({ tags: [['d', String(at)]] }));
      }
    };
    let verified = 0;
    const link = world.link(relay.url, {
      clock,
      verifier: {
        async verify() {
          verified += 1;
          return true;
        },
      },
      limits: { maxVerifiedAtOnce: 30, maxVerifiedPerMinute: 10 },
    });
    const told = listen(link);
    await until(() => told.ends.length === 1);
    await publish(0, 40);
    await until(() => link.status.events === 40);
    expect(verified).toBe(30);
    clock.advance(30_000);
    await publish(40, 60);
    await until(() => link.status.events === 60);
    expect(verified).toBe(35);
    clock.advance(3_600_000);
    await publish(60, 100);
    await until(() => link.status.events === 100);
    expect(verified).toBe(65);
    expect(told.events).toHaveLength(65);
  });

  test('nothing is read while too many events wait for their verification', async () => {
    const event = await announcement({ content: 'x'.repeat(5_000) });
    const relay = await world.startRelay();
    for (let index = 0; index < 300; index += 1) {
      const id = index.toString(16).padStart(64, '0');
      relay.store({ ...event, id, tags: [['d', String(index)]] });
    }
    const held: (() => void)[] = [];
    const link = world.link(relay.url, {
      verifier: {
        verify: () =>
          new Promise((resolve) => {
            held.push(() => resolve(true));
          }),
      },
      limits: { maxUnverified: 10 },
    });
    const told = listen(link);
    await until(() => held.length >= 10);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const whilePaused = held.length;
    const stateWhilePaused = link.status.state;

    while (told.ends.length === 0) {
      for (const release of held.splice(0)) release();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }

    expect(whilePaused).toBeLessThan(300);
    expect(stateWhilePaused).toBe('open');
    expect(told.events).toHaveLength(300);
  });

  test('a link is closed also while it reads nothing', async () => {
    const event = await announcement({ content: 'x'.repeat(5_000) });
    const relay = await world.startRelay();
    for (let index = 0; index < 100; index += 1) {
      const id = index.toString(16).padStart(64, '0');
      relay.store({ ...event, id, tags: [['d', String(index)]] });
    }
    let verifying = 0;
    const link = world.link(relay.url, {
      verifier: {
        verify() {
          verifying += 1;
          return new Promise(() => undefined);
        },
      },
      limits: { maxUnverified: 5 },
    });
    const told = listen(link);
    await until(() => verifying >= 5);

    await link.close();

    expect(told.ends).toMatchObject([{ how: 'lost', why: 'the link is closed' }]);
    expect(link.status.state).toBe('closed');
  });
});

/** Hands bytes through, until it is told to swallow them without closing anything. */
async function startSilencingProxy(port: number) {
  let isSilent = false;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    const wasSilent = isSilent;
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('data', (bytes) => {
        if (!isSilent && !wasSilent) to.write(bytes);
      });
      from.on('error', () => undefined);
      from.on('close', () => to.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    silence: () => {
      isSilent = true;
    },
    speak: () => {
      isSilent = false;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
