import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

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

describe('reading', () => {
  test('a subscription hears stored events, their end, and live ones', async () => {
    const relay = await world.startRelay();
    const stored = await announcement({ created_at: nowS - 5 });
    relay.store(stored);
    const told = listen(world.link(relay.url));
    await until(() => told.ends.length === 1);

    const live = await announcement({ created_at: nowS });
    relay.store(live);
    await until(() => told.events.length === 2);

    expect(told.events.map(({ id }) => id)).toStrictEqual([stored.id, live.id]);
    expect(told.ends).toStrictEqual([{ how: 'eose', events: 1 }]);
  });

  test('a query returns what is stored, and its subscription is closed', async () => {
    const closed: unknown[] = [];
    const relay = await world.startRelay({
      hooks: {
        onMessage(message) {
          if (message[0] === 'CLOSE') closed.push(message[1]);
          return true;
        },
      },
    });
    relay.store(await announcement());

    const { events, end } = await readAll(world.link(relay.url));
    await until(() => closed.length === 1);

    expect(events).toHaveLength(1);
    expect(end).toStrictEqual({ how: 'eose', events: 1 });
  });

  test('events are told before the end that follows them, also behind unwanted ones', async () => {
    const relay = await world.startRelay();
    for (let index = 0; index < 30; index += 1) {
      relay.store(await announcement({ tags: [['d', String(index)]] }, signerNumber(2)));
    }
    const order: string[] = [];
    const link = world.link(relay.url);

    const end = await link.query(NODES, {
      wanted: ({ tags }) => Number(tags[0]?.[1]) < 15,
      onEvent: () => order.push('event'),
    });
    order.push('end');

    expect(order).toHaveLength(16);
    expect(order.at(-1)).toBe('end');
    expect(end.events).toBe(30);
  });

  test('every filter that goes out has a limit above 0', async () => {
    const filters: unknown[] = [];
    const relay = await world.startRelay({
      hooks: {
        onMessage([verb, , ...rest]) {
          if (verb === 'REQ') filters.push(...rest);
          return true;
        },
      },
    });
    const wanted = () => true;
    const onEvent = () => undefined;

    await world
      .link(relay.url)
      .query([{ kinds: [1] }, { kinds: [2], limit: 0 }, { kinds: [3], limit: 7 }], {
        wanted,
        onEvent,
      });

    expect(filters).toStrictEqual([
      { kinds: [1], limit: 500 },
      { kinds: [2], limit: 1 },
      { kinds: [3], limit: 7 },
    ]);
  });

  test('no signature is checked of an event that is not wanted', async () => {
    const relay = await world.startRelay();
    const event = await announcement();
    relay.store({ ...event, sig: '0'.repeat(128) });
    const link = world.link(relay.url);

    const told = listen(link, () => false);
    await until(() => told.ends.length === 1);

    expect(told.events).toStrictEqual([]);
    expect(link.status).toMatchObject({ events: 1, accepted: 0, invalid: 0 });
  });

  test('beyond 20 questions at a time no more are asked', async () => {
    const relay = await world.startRelay();
    const link = world.link(relay.url);
    for (let index = 0; index < 20; index += 1) listen(link);

    expect(() => listen(link)).toThrow('too many subscriptions');
    await expect(readAll(link)).resolves.toMatchObject({ end: { how: 'lost' } });
  });

  test('a closed subscription hears nothing more', async () => {
    const relay = await world.startRelay();
    const link = world.link(relay.url);
    const heard: string[] = [];
    const subscription = link.subscribe(NODES, {
      wanted: () => true,
      onEvent: () => heard.push('event'),
    });
    const other = listen(link);
    await until(() => other.ends.length === 1);

    subscription.close();
    subscription.close();
    relay.store(await announcement());
    await until(() => other.events.length === 1);

    expect(heard).toStrictEqual([]);
  });

  test('a fault in a handler ends neither the link nor the process', async () => {
    const relay = await world.startRelay();
    relay.store(await announcement());
    const errors: string[] = [];
    const link = world.link(relay.url, {
      log: {
        ...silent,
        error: (_fields, message) => errors.push(message),
      },
    });

    await link.query(NODES, {
      wanted: () => true,
      onEvent() {
        throw new Error('a fault of ours');
      },
    });

    expect(errors).toHaveLength(1);
    await expect(readAll(link)).resolves.toMatchObject({ events: [{}], end: { how: 'eose' } });
  });
});

const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

describe('publishing', () => {
  test('the result is what the relay says', async () => {
    const relay = await world.startRelay();
    const link = world.link(relay.url);
    const event = await announcement();

    await expect(link.publish(event)).resolves.toStrictEqual({
      relay: relay.url,
      ok: true,
      message: '',
    });
    await expect(link.publish(event)).resolves.toMatchObject({
      ok: true,
      message: expect.stringMatching(/^duplicate:/),
    });
    await expect(link.publish({ ...event, content: 'evil' })).resolves.toMatchObject({
      ok: false,
      message: expect.stringMatching(/^invalid:/),
    });
    expect(relay.query(NODES)).toMatchObject([{ id: event.id }]);
  });

  test('a relay that refuses what it has already, has it', async () => {
    const relay = await world.startRelay({
      hooks: {
        onMessage([verb, event], client) {
          if (verb !== 'EVENT') return true;
          const { id } = event as { readonly id: string };
          client.send('OK', id, false, 'duplicate: already have this event');
          return false;
        },
      },
    });

    const published = await world.link(relay.url).publish(await announcement());

    expect(published).toMatchObject({ ok: true, message: 'duplicate: already have this event' });
  });

  test('a relay that says nothing is told from one that is dead', async () => {
    const mute = await world.startRelay({ hooks: { onMessage: () => false } });
    const dead = await world.startRelay();
    await dead.close();
    const event = await announcement();
    const limits = { publishTimeoutMs: 1_000 };

    const results = await Promise.all(
      [mute, dead].map(({ url }) => world.link(url, { limits }).publish(event)),
    );

    expect(results).toMatchObject([
      { ok: false, message: 'error: no answer' },
      { ok: false, message: expect.stringMatching(/^error: not connected: .*ECONNREFUSED/) },
    ]);
  });

  test('an event waits for the connection', async () => {
    const first = await world.startRelay();
    await first.close();
    const link = world.link(first.url);
    const result = link.publish(await announcement());

    const again = await world.startRelay({ port: first.port });

    await expect(result).resolves.toMatchObject({ ok: true });
    expect(again.query(NODES)).toHaveLength(1);
  });

  test('the same event twice at once is sent once', async () => {
    let sent = 0;
    const relay = await world.startRelay({
      hooks: {
        onMessage([verb]) {
          if (verb === 'EVENT') sent += 1;
          return true;
        },
      },
    });
    const link = world.link(relay.url);
    const event = await announcement();

    const results = await Promise.all([link.publish(event), link.publish(event)]);

    expect(results).toMatchObject([{ ok: true }, { ok: true }]);
    expect(sent).toBe(1);
  });

  test('only so many events wait for an answer', async () => {
    const relay = await world.startRelay({ hooks: { onMessage: () => false } });
    const link = world.link(relay.url, { limits: { maxPublishing: 1, publishTimeoutMs: 1_000 } });
    const first = link.publish(await announcement());

    const second = await link.publish(await announcement({ content: 'other' }));

    expect(second).toMatchObject({ ok: false, message: expect.stringMatching(/^error: too many/) });
    await expect(first).resolves.toMatchObject({ message: 'error: no answer' });
  });
});

describe('a relay that wants to know who asks (NIP-42)', () => {
  test('is read from and written to with the key of the node', async () => {
    const proven: unknown[] = [];
    const relay = await world.startRelay({
      authRequired: true,
      hooks: {
        onMessage([verb, event]) {
          if (verb === 'AUTH') proven.push(event);
          return true;
        },
      },
    });
    relay.store(await announcement());
    const signer = signerNumber(9);
    const link = world.link(relay.url, { signer });

    const told = listen(link);
    const published = await link.publish(await announcement({ tags: [['d', 'other']] }));
    await until(() => told.events.length === 2);

    expect(published).toMatchObject({ ok: true });
    expect(told.ends).toMatchObject([{ how: 'eose' }]);
    expect(proven).toMatchObject([{ kind: 22_242, pubkey: signer.pubkey }]);
  });

  test('is read without a key of ours, and told another one by each link', async () => {
    const keys: unknown[] = [];
    const relay = await world.startRelay({
      authRequired: true,
      hooks: {
        onMessage([verb, event]) {
          if (verb === 'AUTH') keys.push((event as { readonly pubkey: string }).pubkey);
          return true;
        },
      },
    });

    const ends = await Promise.all([1, 2].map(() => readAll(world.link(relay.url))));

    expect(ends).toMatchObject([{ end: { how: 'eose' } }, { end: { how: 'eose' } }]);
    expect(new Set(keys).size).toBe(2);
  });

  test('is told again after a reconnect', async () => {
    const relay = await world.startRelay({ authRequired: true });
    const told = listen(world.link(relay.url));
    await until(() => told.ends.length === 1);

    relay.dropConnections();
    await until(() => told.ends.length === 2);

    expect(told.ends).toMatchObject([{ how: 'eose' }, { how: 'eose' }]);
  });

  test('is not told to whom it does not insist', async () => {
    let proofs = 0;
    const relay = await world.startRelay({
      hooks: {
        onMessage([verb]) {
          if (verb === 'AUTH') proofs += 1;
          return true;
        },
      },
    });

    await readAll(world.link(relay.url, { signer: signerNumber(9) }));

    expect(proofs).toBe(0);
  });

  test('and is never content, is asked no more than it has to be', async () => {
    let requests = 0;
    const relay = await world.startRelay({
      hooks: {
        onMessage([verb, what], client) {
          if (verb === 'AUTH') client.send('OK', (what as { readonly id: string }).id, true, '');
          if (verb !== 'REQ') return false;
          requests += 1;
          client.send('AUTH', `again ${requests}`);
          client.send('CLOSED', what, 'auth-required: not good enough');
          return false;
        },
      },
    });
    const link = world.link(relay.url, {
      limits: { closedRetryMs: 60_000, maxClosedRetryMs: 60_000 },
    });

    const told = listen(link);
    await until(() => told.ends.length === 1);
    const { end } = await readAll(link);

    const refused = { how: 'closed', why: 'auth-required: not good enough', events: 0 };
    expect([told.ends, end]).toStrictEqual([[refused], refused]);
    expect(requests).toBe(4);
  });

  test('and takes no proof, is sent no more than three in one connection', async () => {
    let proofs = 0;
    const relay = await world.startRelay({
      authRequired: true,
      hooks: {
        onMessage([verb, event], client) {
          if (verb !== 'AUTH') return true;
          proofs += 1;
          client.send('OK', (event as { readonly id: string }).id, false, 'error: not you');
          return false;
        },
      },
    });
    const link = world.link(relay.url);

    for (let count = 0; count < 5; count += 1) {
      expect((await readAll(link)).end).toMatchObject({ how: 'closed' });
    }
    expect(proofs).toBe(3);
  });
});

describe('what a relay says about itself (NIP-11)', () => {
  test('is read once a day, from the address of the relay over HTTP', async () => {
    const clock = createSimulatedClock();
    const relay = await world.startRelay();
    const asked: string[] = [];
    const link = world.link(relay.url, {
      clock,
      async fetchInfo(url) {
        asked.push(url);
        const answer = await fetch(url, { headers: { accept: 'application/nostr+json' } });
        return answer.json();
      },
    });

    const first = await link.info();
    const second = await link.info();
    clock.advance(24 * 3_600_000);
    await link.info();

    expect(first).toMatchObject({ name: 'demo relay', limitation: { max_limit: 500 } });
    expect(second).toStrictEqual(first);
    expect(asked).toHaveLength(2);
    expect(asked[0]).toBe(relay.url.replace('ws:', 'http:'));
  });

  test.each<[string, () => Promise<unknown>]>([
    ['a list', async () => []],
    ['a text', async () => 'hello'],
    ['a failure', () => Promise.reject(new Error('blocked'))],
  ])('is nothing where the answer is %s', async (_name, fetchInfo) => {
    const relay = await world.startRelay();

    await expect(world.link(relay.url, { fetchInfo }).info()).resolves.toBeUndefined();
  });
});

describe('closing', () => {
  test('tells all that wait', async () => {
    const relay = await world.startRelay({ hooks: { onMessage: () => false } });
    const link = world.link(relay.url, { limits: { storedTimeoutMs: 60_000 } });
    const query = readAll(link);
    const published = link.publish(await announcement());
    await until(() => link.status.state === 'open');

    await link.close();
    await link.close();

    await expect(query).resolves.toMatchObject({ end: { how: 'lost' } });
    await expect(published).resolves.toMatchObject({ ok: false });
    expect(link.status.state).toBe('closed');
    await expect(readAll(link)).resolves.toMatchObject({ end: { how: 'lost' } });
    await expect(link.publish(await announcement())).resolves.toMatchObject({ ok: false });
    expect(() => listen(link)).toThrow('closed');
  });

  test('ends a dial that is under way', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    server.on('upgrade', () => undefined);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const link = world.link(`ws://127.0.0.1:${port}`);
    const [, socket] = (await once(server, 'upgrade')) as [unknown, { destroy(): void }];

    await link.close();

    expect(link.status).toMatchObject({ state: 'closed', connections: 0 });
    socket.destroy();
    server.close();
  });

  test('an address that is none is a fault of the caller', () => {
    expect(() => world.link('relay.example')).toThrow('Invalid URL');
  });
});
