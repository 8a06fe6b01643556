import { afterEach, describe, expect, test } from 'vitest';

import { startRelay } from '../../src/demo/relay.ts';
import type { DemoRelay, RelayOptions } from '../../src/demo/relay.ts';
import type { EventTemplate, NostrEvent } from '../../src/nostr/event.ts';
import { createKeySigner } from '../../src/nostr/signer.ts';
import { connectToRelay } from '../support/relay-client.ts';
import type { RawRelayClient } from '../support/relay-client.ts';

const NODE = 38_421;
const nowS = Math.floor(Date.now() / 1000);
const alice = createKeySigner(new Uint8Array(32).fill(1));
const bob = createKeySigner(new Uint8Array(32).fill(2));

const started: AsyncDisposable[] = [];
afterEach(async () => {
  for (const part of started.splice(0).toReversed()) await part[Symbol.asyncDispose]();
});

async function open(options: RelayOptions = {}): Promise<{
  readonly relay: DemoRelay;
  readonly client: RawRelayClient;
}> {
  const relay = await startRelay(options);
  started.push({ [Symbol.asyncDispose]: () => relay.close() });
  return { relay, client: await connect(relay) };
}

async function connect(relay: DemoRelay): Promise<RawRelayClient> {
  const client = await connectToRelay(relay.url);
  started.push(client);
  return client;
}

function node(parts: Partial<EventTemplate> = {}, signer = alice): Promise<NostrEvent> {
  const template = { kind: NODE, created_at: nowS, tags: [['d', 'node']], content: '' };
  return signer.sign({ ...template, ...parts });
}

function deletion(parts: Partial<EventTemplate>, signer = alice): Promise<NostrEvent> {
  return signer.sign({ kind: 5, created_at: nowS, tags: [], content: '', ...parts });
}

const coordinate = `${NODE}:${alice.pubkey}:node`;
const everything = { kinds: [NODE] };

describe('storing and asking (NIP-01)', () => {
  test('a published event is stored, told to subscribers and found again', async () => {
    const { relay, client } = await open();
    const reader = await connect(relay);
    reader.send('REQ', 'live', everything);
    await reader.next(([verb]) => verb === 'EOSE');
    const event = await node();

    await expect(client.publish(event)).resolves.toStrictEqual([true, '']);

    const pushed = await reader.next(([verb]) => verb === 'EVENT');
    expect(pushed).toStrictEqual(['EVENT', 'live', JSON.parse(JSON.stringify(event))]);
    await expect(client.ask({ ids: [event.id] })).resolves.toMatchObject([{ id: event.id }]);
    await expect(client.ask({ '#d': ['other'] })).resolves.toStrictEqual([]);
  });

  test('the same event twice is a duplicate, and not told again', async () => {
    const { client } = await open();
    const event = await node();
    await client.publish(event);

    const [ok, message] = await client.publish(event);

    expect([ok, message]).toStrictEqual([true, expect.stringMatching(/^duplicate:/)]);
  });

  test('of an address only the newest version stays', async () => {
    const { client } = await open();
    const newer = await node({ created_at: nowS });
    await client.publish(newer);

    await client.publish(await node({ created_at: nowS - 1 }));
    await expect(client.ask(everything)).resolves.toMatchObject([{ id: newer.id }]);

    const newest = await node({ created_at: nowS + 1 });
    await client.publish(newest);
    await expect(client.ask(everything)).resolves.toMatchObject([{ id: newest.id }]);
  });

  test.each(['ascending', 'descending'])(
    'of two versions in one second the lowest id stays: ids %s',
    async (order) => {
      const { client } = await open();
      const versions = await Promise.all(['a', 'b'].map((content) => node({ content })));
      const ascending = versions.toSorted((a, b) => (a.id < b.id ? -1 : 1));

      for (const event of order === 'ascending' ? ascending : ascending.toReversed()) {
        await client.publish(event);
      }

      await expect(client.ask(everything)).resolves.toMatchObject([{ id: ascending[0]?.id }]);
    },
  );

  test('no d tag and an empty one are one address', async () => {
    const { client } = await open();
    await client.publish(await node({ tags: [], created_at: nowS - 1 }));

    await client.publish(await node({ tags: [['d', '']] }));

    await expect(client.ask(everything)).resolves.toHaveLength(1);
  });

  test('the newest come first, as many as asked for', async () => {
    const { relay, client } = await open();
    for (const age of [3, 1, 2]) {
      relay.store(await node({ created_at: nowS - age, tags: [['d', String(age)]] }));
    }

    const events = await client.ask({ ...everything, limit: 2 });

    expect(events).toMatchObject([{ created_at: nowS - 1 }, { created_at: nowS - 2 }]);
    await expect(client.ask({ ...everything, limit: 0 })).resolves.toStrictEqual([]);
  });

  test('ephemeral events are told and not stored', async () => {
    const { relay, client } = await open({ verify: false });
    const reader = await connect(relay);
    reader.send('REQ', 'live', { kinds: [20_001] });
    await reader.next(([verb]) => verb === 'EOSE');
    const event = { ...(await node()), kind: 20_001 };

    await expect(client.publish(event)).resolves.toStrictEqual([true, '']);

    await expect(reader.next(([verb]) => verb === 'EVENT')).resolves.toMatchObject({ 1: 'live' });
    await expect(client.ask({ kinds: [20_001] })).resolves.toStrictEqual([]);
  });

  test('a closed subscription is told nothing more', async () => {
    const { relay, client } = await open();
    client.send('REQ', 'one', everything);
    client.send('REQ', 'two', everything);
    client.send('CLOSE', 'one');
    await client.ask({ limit: 0 });

    relay.store(await node());

    const [, id] = await client.next(([verb]) => verb === 'EVENT');
    expect(id).toBe('two');
    await client.ask({ limit: 0 });
    await expect(client.ask({ limit: 0 })).resolves.toStrictEqual([]);
  });
});

describe('refusing', () => {
  test.each<[string, Partial<NostrEvent>]>([
    ['a wrong id', { id: '0'.repeat(64) }],
    ['a wrong signature', { sig: '0'.repeat(128) }],
    ['changed content', { content: 'evil' }],
  ])('an event with %s is invalid', async (_name, change) => {
    const { client } = await open();

    const [ok, message] = await client.publish({ ...(await node()), ...change });

    expect([ok, message]).toStrictEqual([false, expect.stringMatching(/^invalid:/)]);
    await expect(client.ask(everything)).resolves.toStrictEqual([]);
  });

  test('an event of more than 15 minutes ahead is invalid', async () => {
    const { client } = await open();

    const [ok, message] = await client.publish(await node({ created_at: nowS + 1_000 }));

    expect([ok, message]).toStrictEqual([false, expect.stringMatching(/^invalid:/)]);
  });

  test.each([
    ['no JSON', 'hello'],
    ['no list', '{}'],
    ['an unknown verb', '["HELLO"]'],
    ['no event', '["EVENT",{"id":"x"}]'],
    ['a subscription id that is too long', `["REQ","${'x'.repeat(65)}",{}]`],
  ])('%s is answered with a notice', async (_name, text) => {
    const { client } = await open();

    client.sendText(text);

    await expect(client.next(([verb]) => verb === 'NOTICE')).resolves.toHaveLength(2);
  });

  test.each([
    ['no filter', []],
    ['a filter that is a list', [[]]],
    ['a limit that is text', [{ limit: '1' }]],
    ['an author that is a number', [{ authors: [1] }]],
    ['an unknown key', [{ search: 'x' }]],
    ['eleven filters', Array.from({ length: 11 }, () => ({}))],
  ])('%s ends the subscription', async (_name, filters) => {
    const { client } = await open();

    client.send('REQ', 'x', ...filters);

    const [, , why] = await client.next(([verb]) => verb === 'CLOSED');
    expect(why).toMatch(/^invalid:/);
  });

  test('the 65th subscription of a client is refused', async () => {
    const { client } = await open();
    for (let index = 0; index < 65; index += 1) client.send('REQ', `s${index}`, { limit: 0 });

    const [, id] = await client.next(([verb]) => verb === 'CLOSED');

    expect(id).toBe('s64');
  });

  test('a message of more than 128 KiB ends the connection', async () => {
    const { relay, client } = await open();

    client.sendText(JSON.stringify(['EVENT', 'x'.repeat(131_072)]));

    await expect(client.closed).resolves.toBe(1009);
    await expect((await connect(relay)).ask({})).resolves.toStrictEqual([]);
  });
});

describe('deletion (NIP-09)', () => {
  test.each([
    ['by address', async () => [['a', coordinate]]],
    ['by id', async () => [['e', (await node()).id]]],
  ])('%s removes the event, which stays away', async (_name, tagsOf) => {
    const { client } = await open();
    const event = await node();
    await client.publish(event);
    const request = await deletion({ tags: await tagsOf() });

    await expect(client.publish(request)).resolves.toStrictEqual([true, '']);

    await expect(client.ask(everything)).resolves.toStrictEqual([]);
    await expect(client.publish(event)).resolves.toStrictEqual([
      false,
      expect.stringMatching(/^blocked:/),
    ]);
    await expect(client.ask({ kinds: [5] })).resolves.toMatchObject([{ id: request.id }]);
  });

  test('a stranger deletes nothing', async () => {
    const { client } = await open();
    const event = await node();
    await client.publish(event);
    const tags = [
      ['e', event.id],
      ['a', coordinate],
    ];

    await client.publish(await deletion({ tags }, bob));

    await expect(client.ask(everything)).resolves.toMatchObject([{ id: event.id }]);
  });

  test('by address it reaches only versions up to its own second', async () => {
    const { client } = await open();
    await client.publish(await deletion({ tags: [['a', coordinate]], created_at: nowS - 1 }));

    await client.publish(await node({ created_at: nowS - 1, content: 'old' }));
    await expect(client.ask(everything)).resolves.toStrictEqual([]);

    await client.publish(await node({ created_at: nowS }));
    await expect(client.ask(everything)).resolves.toHaveLength(1);
  });

  test('it comes before the event that it deletes', async () => {
    const { client } = await open();
    const event = await node();
    await client.publish(await deletion({ tags: [['e', event.id]] }));

    await expect(client.publish(event)).resolves.toStrictEqual([
      false,
      expect.stringMatching(/^blocked:/),
    ]);
  });
});

describe('expiration (NIP-40)', () => {
  const expiring = (atS: number) =>
    node({
      tags: [
        ['d', 'node'],
        ['expiration', String(atS)],
      ],
    });

  test('an expired event is refused', async () => {
    const { client } = await open();

    const verdict = await client.publish(await expiring(nowS - 1));

    expect(verdict).toStrictEqual([false, expect.stringMatching(/^invalid:/)]);
  });

  test('an event that expires is found no more', async () => {
    let nowMs = nowS * 1000;
    const { client } = await open({ clock: { now: () => nowMs } });
    await client.publish(await expiring(nowS + 60));
    await expect(client.ask(everything)).resolves.toHaveLength(1);

    nowMs += 60_000;

    await expect(client.ask(everything)).resolves.toStrictEqual([]);
  });
});

describe('who is there (NIP-42, NIP-70)', () => {
  async function authenticate(
    relay: DemoRelay,
    client: RawRelayClient,
    change: Partial<EventTemplate> = {},
  ): Promise<readonly unknown[]> {
    const [, challenge] = await client.next(([verb]) => verb === 'AUTH');
    const tags = [
      ['relay', relay.url],
      ['challenge', String(challenge)],
    ];
    const template = { kind: 22_242, created_at: nowS, tags, content: '', ...change };
    const event = await alice.sign(template);
    client.send('AUTH', event);
    return client.next(([verb, id]) => verb === 'OK' && id === event.id);
  }

  test('a relay that wants to know its clients serves nobody else', async () => {
    const { client } = await open({ authRequired: true });

    client.send('REQ', 'x', {});

    await expect(client.next(([verb]) => verb === 'CLOSED')).resolves.toMatchObject({
      2: expect.stringMatching(/^auth-required:/),
    });
    await expect(client.publish(await node())).resolves.toMatchObject([
      false,
      expect.stringMatching(/^auth-required:/),
    ]);
  });

  test('who has proven a key reads and writes', async () => {
    const { relay, client } = await open({ authRequired: true });

    await expect(authenticate(relay, client)).resolves.toMatchObject({ 2: true });

    await expect(client.publish(await node())).resolves.toStrictEqual([true, '']);
    await expect(client.ask(everything)).resolves.toHaveLength(1);
  });

  test.each<[string, Partial<EventTemplate>]>([
    ['of another kind', { kind: 27_235 }],
    ['without the challenge', { tags: [['challenge', 'guessed']] }],
    ['from an hour ago', { created_at: nowS - 3_600 }],
  ])('a proof %s proves nothing', async (_name, change) => {
    const { relay, client } = await open({ authRequired: true });

    await expect(authenticate(relay, client, change)).resolves.toMatchObject({
      2: false,
      3: expect.stringMatching(/^invalid:/),
    });
  });

  test('a protected event is taken from its author only', async () => {
    const { relay, client } = await open();
    const tags = [['d', 'node'], ['-']];
    const mine = await node({ tags });
    await expect(client.publish(mine)).resolves.toMatchObject([
      false,
      expect.stringMatching(/^auth-required:/),
    ]);

    await authenticate(relay, client);

    await expect(client.publish(mine)).resolves.toStrictEqual([true, '']);
    await expect(client.publish(await node({ tags }, bob))).resolves.toMatchObject([
      false,
      expect.stringMatching(/^restricted:/),
    ]);
  });
});

describe('beside the events', () => {
  test('the relay tells what it is and what it allows (NIP-11)', async () => {
    const { relay } = await open({ authRequired: true });

    const answer = await fetch(relay.url.replace('ws:', 'http:'), {
      headers: { accept: 'application/nostr+json' },
    });

    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    await expect(answer.json()).resolves.toMatchObject({
      supported_nips: [1, 9, 11, 40, 42, 45, 70],
      limitation: { auth_required: true, max_limit: 500 },
    });
  });

  test('it counts without telling (NIP-45)', async () => {
    const { relay, client } = await open();
    for (const d of ['a', 'b']) relay.store(await node({ tags: [['d', d]] }));

    client.send('COUNT', 'c', everything);

    await expect(client.next(([verb]) => verb === 'COUNT')).resolves.toStrictEqual([
      'COUNT',
      'c',
      { count: 2 },
    ]);
  });

  test('a hook answers in the place of the relay', async () => {
    const { client } = await open({
      hooks: {
        onMessage([verb], from) {
          if (verb === 'REQ') from.send('NOTICE', 'I say nothing');
          return verb !== 'REQ';
        },
      },
    });

    client.send('REQ', 'x', {});
    const published = await node();
    client.send('EVENT', published);

    const answers = [];
    for (let index = 0; index < 2; index += 1) {
      answers.push(await client.next(([verb]) => verb !== 'AUTH'));
    }
    expect(answers).toStrictEqual([
      ['NOTICE', 'I say nothing'],
      ['OK', published.id, true, ''],
    ]);
  });

  test('dropped clients may come back, and the port can be used again', async () => {
    const { relay, client } = await open();
    relay.dropConnections();
    await expect(client.closed).resolves.toBe(1006);
    await expect((await connect(relay)).ask({})).resolves.toStrictEqual([]);

    await relay.close();
    const { relay: again } = await open({ port: relay.port });

    expect(again.url).toBe(relay.url);
  });
});
