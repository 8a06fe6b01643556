import { describe, expect, test } from 'vitest';

import { createGuard } from '../../../src/discovery/guard/guard.ts';
import type { Registry } from '../../../src/discovery/registry/registry.ts';
import { createRegistry } from '../../../src/discovery/registry/registry.ts';
import { discoverySchema } from '../../../src/discovery/schema.ts';
import { silentLog } from '../../../src/lib/log.ts';
import type { NostrEvent } from '../../../src/nostr/event.ts';
import { createSimulatedClock } from '../../support/clock.ts';
import { testStore } from '../../support/ledger-store.ts';
import type { TestStore } from '../../support/ledger-store.ts';
import { NOW_S, announcement, eventOf, keyOf, squatter } from './events.ts';

const RELAY = 'wss://one.example';
const OTHER_RELAY = 'wss://two.example';
const ANCHOR = keyOf('anchor');
const NODE = keyOf('node');

async function setUp(shared?: TestStore, relayCount = 3, first?: readonly string[]) {
  const stored = shared ?? (await testStore([discoverySchema]));
  const clock = createSimulatedClock(NOW_S * 1000);
  const guard = createGuard({ allowPrivate: false, socksProxy: undefined });
  const registry = createRegistry({
    store: stored.store,
    clock,
    log: silentLog,
    checkUrl: (url) => guard.check(url),
    anchors: [ANCHOR, keyOf('second anchor')],
    relayCount,
  });
  if (first === undefined) await registry.start();
  else await registry.warmUp(first);
  return {
    registry,
    clock,
    stored,
    tell: (event: NostrEvent, relay = RELAY) => tell(registry, event, relay),
    names: () => registry.announcements().map(({ name }) => name),
    async [Symbol.asyncDispose]() {
      await registry.stop();
      await guard.close();
      if (shared === undefined) await stored[Symbol.asyncDispose]();
    },
  };
}

/** As a relay link does it; whether it was wanted. */
function tell(registry: Registry, event: NostrEvent, relay: string): boolean {
  const isWanted = registry.wanted(event, relay);
  registry.ingest(event, relay);
  return isWanted;
}

function named(name: string): string {
  return JSON.stringify({ name, about: '' });
}

describe('what is an announcement', () => {
  test('an announcement of Routstr core is read: its URLs, mints, version, name and about', async () => {
    await using world = await setUp();
    const event = announcement({}, [['t', 'model:gpt-oss-20b']]);
    expect(world.tell(event)).toBe(true);
    expect(world.registry.announcements()).toEqual([
      {
        pubkey: NODE,
        d: '79be667ef9dc',
        id: event.id,
        createdAt: NOW_S - 1000,
        expiresAt: undefined,
        urls: ['https://node.example.com'],
        mints: ['https://mint.minibits.cash/Bitcoin'],
        version: '0.4.7',
        name: 'Blue Node',
        about: 'Fast models, paid in sats',
      },
    ]);
  });

  test('a flood of squatters on the same kind hides nobody and is not worth a signature', async () => {
    await using world = await setUp();
    for (let index = 0; index < 2000; index++) {
      expect(world.registry.wanted(squatter(index), RELAY)).toBe(false);
    }
    expect(world.tell(announcement())).toBe(true);
    expect(world.names()).toEqual(['Blue Node']);
  });

  test('only URLs that would be dialled count, and an event without one announces nothing', async () => {
    await using world = await setUp();
    const tags = (...urls: string[]) => [['d', 'x'], ...urls.map((url) => ['u', url])];
    const bad = ['http://127.0.0.1:8000', 'https://10.0.0.1', 'https://[::ffff:127.0.0.1]'];
    expect(world.tell(announcement({ tags: tags(...bad) }))).toBe(false);
    expect(world.tell(announcement({ tags: tags(...bad, 'https://Good.Example.com/') }))).toBe(
      true,
    );
    expect(world.registry.announcements()[0]?.urls).toEqual(['https://good.example.com']);
  });

  test('names show what they say: controls and marks that turn the text are gone, and they are short', async () => {
    await using world = await setUp();
    const name = `\u202eevil\u0007 \u0065\u0301\n${'x'.repeat(200)}`;
    world.tell(announcement({ content: JSON.stringify({ name, about: 7 }) }));
    const [node] = world.registry.announcements();
    expect(node?.name).toBe(`evil \u00e9 ${'x'.repeat(200)}`.slice(0, 80));
    expect(node?.about).toBe('');
  });

  test.each([
    [
      'nine URLs',
      { tags: Array.from({ length: 9 }, (_, at) => ['u', `https://n${at}.example.com`]) },
    ],
    [
      'seventeen mints',
      {
        tags: [
          ['u', 'https://node.example.com'],
          ...Array.from({ length: 17 }, (_, at) => ['mint', `https://mint${at}.example.com`]),
        ],
      },
    ],
    ['content of more than 16 KiB', { content: named('x'.repeat(17_000)) }],
    [
      'a `d` of more than 128 characters',
      {
        tags: [
          ['d', 'x'.repeat(129)],
          ['u', 'https://a.example.com'],
        ],
      },
    ],
    [
      'a `d` with a control character',
      {
        tags: [
          ['d', 'x\n'],
          ['u', 'https://a.example.com'],
        ],
      },
    ],
    ['a date of more than 15 minutes ahead', { created_at: NOW_S + 901 }],
    ['a date before there was a network', { created_at: 1_600_000_000 }],
    ['another kind', { kind: 38422 }],
  ])('an event with %s is not wanted', async (_, parts) => {
    await using world = await setUp();
    expect(world.tell(announcement(parts))).toBe(false);
    expect(world.registry.announcements()).toEqual([]);
  });

  test('a list of nodes by a stranger gives hints of URLs and no node', async () => {
    await using world = await setUp();
    const providers = [
      { endpoint_url: 'https://json.example.com/', name: 'Json', pubkey: keyOf('victim') },
      { endpoint_url: 'http://169.254.169.254/', endpoint_urls: ['https://two.example.com'] },
    ];
    const tags = [['d', 'list']];
    expect(world.tell(eventOf({ tags, content: JSON.stringify({ providers }) }))).toBe(true);
    const more = eventOf({
      tags,
      created_at: NOW_S,
      content: JSON.stringify(providers.slice(0, 1)),
    });
    expect(world.tell(more)).toBe(true);
    expect(world.tell(more)).toBe(false);
    expect(world.registry.hints()).toEqual(['https://json.example.com', 'https://two.example.com']);
    expect(world.registry.announcements()).toEqual([]);
  });
});

describe('which version counts', () => {
  test('the newest of an address wins, whichever relay tells it and in whatever order', async () => {
    await using world = await setUp();
    const [old, young] = [1, 2].map((age) =>
      announcement({ created_at: NOW_S - 100 + age, content: named(`v${age}`) }),
    ) as [NostrEvent, NostrEvent];
    expect(world.tell(young, OTHER_RELAY)).toBe(true);
    expect(world.tell(old)).toBe(false);
    expect(world.tell(young)).toBe(false);
    expect(world.names()).toEqual(['v2']);
  });

  test.each(['first', 'last'])(
    'of two in one second the lowest id wins when it comes %s',
    async (when) => {
      await using world = await setUp();
      const pair = ['a', 'b'].map((name) => announcement({ content: named(name) }));
      const [lowest, highest] = pair.toSorted((one, other) => (one.id < other.id ? -1 : 1));
      const order = when === 'first' ? [lowest, highest] : [highest, lowest];
      for (const event of order) if (event !== undefined) world.tell(event);
      expect(world.registry.announcements().map(({ id }) => id)).toEqual([lowest?.id]);
    },
  );

  test('the same `d` of another key, and another `d` of the same key, are other addresses', async () => {
    await using world = await setUp();
    world.tell(announcement());
    world.tell(announcement({ pubkey: keyOf('other') }));
    world.tell(
      announcement({
        tags: [
          ['d', 'second'],
          ['u', 'https://node.example.com'],
        ],
      }),
    );
    world.tell(
      announcement({
        tags: [
          ['d', '__proto__'],
          ['u', 'https://node.example.com'],
        ],
      }),
    );
    expect(world.registry.announcements()).toHaveLength(4);
  });

  test('an event that is expired is ignored, and one that expires goes without being replaced by an older', async () => {
    await using world = await setUp();
    const expiring = (at: number) => [['expiration', String(at)]];
    expect(world.tell(announcement({}, expiring(NOW_S)))).toBe(false);
    const old = announcement({ created_at: NOW_S - 2000 });
    expect(world.tell(announcement({}, expiring(NOW_S + 60)))).toBe(true);
    expect(world.registry.announcements()).toHaveLength(1);
    world.clock.advance(60_000);
    expect(world.registry.announcements()).toEqual([]);
    expect(world.tell(old)).toBe(false);
    expect(world.tell(announcement({ created_at: NOW_S }))).toBe(true);
    expect(world.registry.announcements()).toHaveLength(1);
  });

  test('a version that comes while another one of the same address is verified does not undo it', async () => {
    await using world = await setUp();
    const old = announcement({ created_at: NOW_S - 10, content: named('old') });
    expect(world.registry.wanted(old, RELAY)).toBe(true);
    world.tell(announcement({ created_at: NOW_S - 5, content: named('new') }));
    world.registry.ingest(old, RELAY);
    expect(world.names()).toEqual(['new']);
  });
});

describe('deletions', () => {
  const deletion = (parts: Partial<NostrEvent> = {}) =>
    eventOf({
      kind: 5,
      created_at: NOW_S - 500,
      tags: [['a', `38421:${NODE}:79be667ef9dc`]],
      ...parts,
    });

  test('a deletion by a stranger is ignored', async () => {
    await using world = await setUp();
    const event = announcement();
    world.tell(event);
    const tags = [
      ['a', `38421:${NODE}:79be667ef9dc`],
      ['e', event.id],
    ];
    expect(world.tell(deletion({ pubkey: keyOf('stranger'), tags }))).toBe(false);
    expect(world.registry.announcements()).toHaveLength(1);
  });

  test('a deleted version cannot return from a second relay, a newer announcement can', async () => {
    await using world = await setUp();
    const event = announcement();
    world.tell(event);
    expect(world.tell(deletion())).toBe(true);
    expect(world.registry.announcements()).toEqual([]);
    expect(world.tell(event, OTHER_RELAY)).toBe(false);
    expect(world.tell(deletion(), OTHER_RELAY)).toBe(false);
    expect(world.tell(announcement({ created_at: NOW_S - 499 }), OTHER_RELAY)).toBe(true);
    expect(world.registry.announcements()).toHaveLength(1);
  });

  test('a deletion that comes before what it deletes counts all the same', async () => {
    await using world = await setUp();
    expect(world.tell(deletion())).toBe(true);
    expect(world.tell(announcement())).toBe(false);
    expect(world.registry.announcements()).toEqual([]);
  });

  test('a deletion by id alone counts', async () => {
    await using world = await setUp();
    const event = announcement();
    world.tell(event);
    expect(world.tell(deletion({ tags: [['e', event.id]] }))).toBe(true);
    expect(world.tell(event, OTHER_RELAY)).toBe(false);
    expect(world.registry.announcements()).toEqual([]);
  });

  test('an announcement that is newer than a deletion stays', async () => {
    await using world = await setUp();
    world.tell(announcement({ created_at: NOW_S - 100 }));
    world.tell(deletion());
    expect(world.registry.announcements()).toHaveLength(1);
  });
});

describe('quotas', () => {
  test('a key has eight addresses at most', async () => {
    await using world = await setUp();
    const wanted = Array.from({ length: 10 }, (_, at) =>
      world.tell(
        announcement({
          tags: [
            ['d', String(at)],
            ['u', 'https://node.example.com'],
          ],
        }),
      ),
    );
    expect(wanted.filter(Boolean)).toHaveLength(8);
  });

  test('a relay that invents nodes fills its own share, and leaves the others theirs', async () => {
    await using world = await setUp(undefined, 99);
    for (let at = 0; at < 200; at++) {
      world.registry.ingest(announcement({ pubkey: keyOf(at) }), RELAY);
    }
    expect(world.tell(announcement())).toBe(false);
    expect(world.tell(announcement(), OTHER_RELAY)).toBe(true);
  });

  test('a node of which an anchor speaks finds room in a relay that is full of invented ones', async () => {
    await using world = await setUp(undefined, 99);
    for (let at = 0; at < 200; at++) {
      world.registry.ingest(announcement({ pubkey: keyOf(at) }), RELAY);
    }
    const tags = [
      ['node', NODE],
      ['t', 'lgtm'],
    ];
    world.tell(eventOf({ kind: 38425, pubkey: ANCHOR, tags }));
    expect(world.tell(announcement())).toBe(true);
  });

  test('announcements that have expired leave their room to others, and older versions do not come back', async () => {
    await using stored = await testStore([discoverySchema]);
    const expiring = (at: number) =>
      announcement({ pubkey: keyOf(at) }, [['expiration', String(NOW_S + 60)]]);
    const older = announcement({ pubkey: keyOf(0), created_at: NOW_S - 2000 });
    {
      await using world = await setUp(stored, 99);
      for (let at = 0; at < 200; at++) world.tell(expiring(at));
      expect(world.tell(announcement())).toBe(false);
      world.clock.advance(60_000);
      world.registry.tidy();
      expect(world.tell(announcement())).toBe(true);
      for (let at = 200; at < 399; at++) world.tell(announcement({ pubkey: keyOf(at) }));
      expect(world.registry.announcements()).toHaveLength(200);
      expect([world.tell(expiring(0)), world.tell(older, OTHER_RELAY)]).toEqual([false, false]);
    }
    await using again = await setUp(stored, 99);
    again.clock.advance(60_000);
    expect(again.registry.announcements()).toHaveLength(200);
    expect(again.tell(older, OTHER_RELAY)).toBe(false);
  });

  test('an address may change five times at once and then every ten seconds', async () => {
    await using world = await setUp();
    const change = (at: number) => world.tell(announcement({ created_at: NOW_S - 1000 + at }));
    const wanted = Array.from({ length: 9 }, (_, at) => change(at));
    expect(wanted).toEqual([true, true, true, true, true, true, false, false, false]);
    world.clock.advance(10_000);
    expect([change(10), change(11)]).toEqual([true, false]);
  });
});

describe('what anchors say', () => {
  const review = (label: string, nodes: readonly string[], parts: Partial<NostrEvent> = {}) =>
    eventOf({
      kind: 38425,
      pubkey: ANCHOR,
      tags: [['d', nodes[0] ?? ''], ...nodes.map((node) => ['node', node]), ['t', label]],
      ...parts,
    });

  test('reviews count for every node they name, newest per anchor and node, by anchors only', async () => {
    await using world = await setUp();
    const [one, two] = [keyOf('one'), keyOf('two')];
    expect(world.tell(review('LGTM', [one, two]))).toBe(true);
    expect(world.tell(review('avoid', [two], { created_at: NOW_S - 10 }))).toBe(true);
    expect(world.tell(review('avoid', [one], { pubkey: keyOf('stranger') }))).toBe(false);
    const said = { anchor: ANCHOR, createdAt: NOW_S - 1000, label: 'lgtm', positive: true };
    expect(world.registry.reviews()).toEqual(
      new Map([
        [one, [said]],
        [two, [{ anchor: ANCHOR, createdAt: NOW_S - 10, label: 'avoid', positive: false }]],
      ]),
    );
  });

  test('a recommendation of nodes counts like a good review, by the keys in its addresses', async () => {
    await using world = await setUp();
    const recommendation = (kind: string) =>
      eventOf({
        kind: 38000,
        pubkey: ANCHOR,
        tags: [
          ['d', `of ${kind}`],
          ['k', kind],
          ['a', `38421:${NODE}:main`, 'wss://relay.example'],
          ['a', `38172:${keyOf('mint')}:m`],
        ],
      });

    expect(world.tell(recommendation('38172'))).toBe(false);
    expect(world.tell(recommendation('38421'))).toBe(true);
    expect([...world.registry.reviews().keys()]).toEqual([NODE]);
    world.tell(review('avoid', [NODE], { created_at: NOW_S - 1 }));
    expect(world.registry.reviews().get(NODE)).toMatchObject([{ label: 'avoid' }]);
  });

  test('a word that is neither good nor bad, and a deletion, take an anchor back', async () => {
    await using world = await setUp();
    world.tell(review('trusted', [NODE]));
    world.tell(review('undecided', [NODE], { created_at: NOW_S - 10 }));
    expect(world.registry.reviews().size).toBe(0);
    world.tell(review('trusted', [NODE], { created_at: NOW_S - 9 }));
    expect(world.registry.reviews().size).toBe(1);
    const tags = [['a', `38425:${ANCHOR}:${NODE}`]];
    world.tell(eventOf({ kind: 5, pubkey: ANCHOR, created_at: NOW_S - 8, tags }));
    expect(world.registry.reviews().size).toBe(0);
  });

  const aliases = (mappings: unknown, parts: Partial<NostrEvent> = {}) =>
    eventOf({
      kind: 38426,
      pubkey: ANCHOR,
      tags: [['d', 'model-id-mappings']],
      content: `{"mappings":${typeof mappings === 'string' ? mappings : JSON.stringify(mappings)}}`,
      ...parts,
    });

  test('aliases are replaced as a whole', async () => {
    await using world = await setUp();
    world.tell(aliases({ a: 'x', b: 'x' }));
    world.tell(aliases({ c: 'x' }, { created_at: NOW_S - 10 }));
    expect(world.registry.aliases()).toEqual(new Map([['c', 'x']]));
  });

  test('the aliases of the first anchor that has some count', async () => {
    await using world = await setUp();
    world.tell(aliases({ a: 'second' }, { pubkey: keyOf('second anchor') }));
    expect(world.registry.aliases()).toEqual(new Map([['a', 'second']]));
    world.tell(aliases({ a: 'first' }));
    expect(world.registry.aliases()).toEqual(new Map([['a', 'first']]));
  });

  test.each([
    ['a chain', { a: 'b', b: 'c' }],
    ['an id that is its own alias', { a: 'a' }],
    ['a key that is no model', '{"__proto__":"x"}'],
    ['a target that is no model', '{"x":"__proto__"}'],
    ['a value that is no text', { a: 1 }],
    [
      'more than 10,000 aliases',
      Object.fromEntries(Array.from({ length: 10_001 }, (_, at) => [`m${at}`, 'x'])),
    ],
    ['no object', [1]],
  ])('a snapshot with %s changes nothing', async (_, mappings) => {
    await using world = await setUp();
    world.tell(aliases({ good: 'x' }));
    world.tell(aliases(mappings, { created_at: NOW_S - 10 }));
    expect(world.registry.aliases()).toEqual(new Map([['good', 'x']]));
  });

  test('the warnings of all anchors count', async () => {
    await using world = await setUp();
    const list = (pubkey: string, nodes: string[]) =>
      eventOf({
        kind: 38423,
        pubkey,
        tags: [['d', 'routstr-21-models']],
        content: JSON.stringify({ models: ['m'], 'blacklisted-nodes': nodes }),
      });
    const second = keyOf('second anchor');
    world.tell(list(second, [keyOf('bad'), 'nonsense']));
    world.tell(list(ANCHOR, []));
    expect(world.registry.blacklisted()).toEqual(
      new Map([
        [ANCHOR, []],
        [second, [keyOf('bad')]],
      ]),
    );
  });
});

describe('what is kept', () => {
  test('a start without relays knows what the last one knew, deletions included', async () => {
    await using stored = await testStore([discoverySchema]);
    const kept = announcement({}, [
      ['t', 'model:m'],
      ['expiration', String(NOW_S + 1000)],
    ]);
    const deleted = announcement({ pubkey: keyOf('gone') });
    const words = [
      eventOf({
        kind: 38425,
        pubkey: ANCHOR,
        tags: [
          ['d', NODE],
          ['node', NODE],
          ['t', 'lgtm'],
        ],
      }),
      eventOf({
        kind: 38426,
        pubkey: ANCHOR,
        tags: [['d', 'model-id-mappings']],
        content: '{"mappings":{"a":"b"}}',
      }),
    ];
    const before = await (async () => {
      await using world = await setUp(stored);
      for (const event of [kept, deleted, ...words]) world.tell(event);
      const tags = [['a', `38421:${keyOf('gone')}:79be667ef9dc`]];
      world.tell(eventOf({ kind: 5, pubkey: keyOf('gone'), tags }));
      return [...world.registry.announcements()];
    })();
    await using world = await setUp(stored);
    expect(world.registry.announcements()).toEqual(before);
    expect(before).toHaveLength(1);
    expect(world.registry.reviews().get(NODE)).toHaveLength(1);
    expect(world.registry.aliases()).toEqual(new Map([['a', 'b']]));
    expect(world.tell(deleted)).toBe(false);
    expect(world.tell(kept)).toBe(false);
  });

  test('what some keys announced can be had first; then all comes, in the order of first sight', async () => {
    await using stored = await testStore([discoverySchema]);
    await (async () => {
      await using world = await setUp(stored);
      for (const name of ['one', 'two', 'three']) {
        world.tell(announcement({ pubkey: keyOf(name), content: named(name) }));
      }
      const tags = [...['d', 'node'].map((tag) => [tag, NODE]), ['t', 'lgtm']];
      world.tell(eventOf({ kind: 38425, pubkey: ANCHOR, tags }));
    })();
    await using world = await setUp(stored, 3, [keyOf('two'), keyOf('nobody')]);
    expect(world.names()).toEqual(['two']);
    expect(world.registry.reviews().size).toBe(1);
    const [first] = world.registry.announcements();
    await world.registry.start();
    expect(world.names()).toEqual(['one', 'two', 'three']);
    expect(world.registry.announcements()[1]).toBe(first);
  });

  test('what is forgotten is gone until it is announced again', async () => {
    await using world = await setUp();
    world.tell(announcement());
    world.registry.forget(NODE, '79be667ef9dc');
    expect(world.registry.announcements()).toEqual([]);
    expect(world.tell(announcement())).toBe(true);
  });

  test('listeners hear of each change and of nothing else; the list is the same until then', async () => {
    await using world = await setUp();
    let changes = 0;
    world.registry.onChange(() => (changes += 1));
    world.tell(announcement());
    const list = world.registry.announcements();
    world.tell(announcement());
    world.tell(squatter(1));
    expect(changes).toBe(1);
    expect(world.registry.announcements()).toBe(list);
  });
});
