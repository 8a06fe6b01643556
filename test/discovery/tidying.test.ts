import { expect, test } from 'vitest';

import { createGuard } from '../../src/discovery/guard/guard.ts';
import type { MarketNode } from '../../src/discovery/market-node.ts';
import { createRegistry } from '../../src/discovery/registry/registry.ts';
import { discoverySchema } from '../../src/discovery/schema.ts';
import { tidy } from '../../src/discovery/tidying.ts';
import type { TidyingParts } from '../../src/discovery/tidying.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createSimulatedClock } from '../support/clock.ts';
import { testStore } from '../support/ledger-store.ts';
import { marketNode } from './market-nodes.ts';
import { announcement, eventOf, keyOf, NOW_S } from './registry/events.ts';

const RELAY = 'wss://one.example';
const ANCHOR = keyOf('anchor');
/** Of each relay. */
const ROOM = 200;

/** A registry with little room, and what the market makes of all that it holds. */
async function setUp(judge: (at: number) => Partial<MarketNode>) {
  const stored = await testStore([discoverySchema]);
  const guard = createGuard({ allowPrivate: false, socksProxy: undefined });
  const clock = createSimulatedClock(NOW_S * 1000);
  const registry = createRegistry({
    store: stored.store,
    clock,
    log: silentLog,
    checkUrl: (url) => guard.check(url),
    anchors: [ANCHOR],
    relayCount: 99,
  });
  await registry.start();
  const numbers = new Map<string, number>();
  const nodes = (): readonly MarketNode[] =>
    registry.announcements().map(({ pubkey, d }) => {
      const at = numbers.get(pubkey) ?? 0;
      return marketNode({ pubkey, d, url: `https://n${at}.example.com`, ...judge(at) });
    });
  const market = { nodes } as TidyingParts['market'];
  const scout = { forget() {} } as unknown as TidyingParts['scout'];
  return {
    registry,
    fill(count: number) {
      for (let at = 0; at < count; at++) {
        numbers.set(keyOf(at), at);
        registry.ingest(announcement({ pubkey: keyOf(at) }), RELAY);
      }
    },
    tidy: () => tidy({ registry, market, scout }, clock.now()),
    hasRoom: () => registry.wanted(announcement({ pubkey: keyOf('new') }), RELAY),
    async [Symbol.asyncDispose]() {
      await registry.stop();
      await guard.close();
      await stored[Symbol.asyncDispose]();
    },
  };
}

const never = { latencyMs: undefined, answeredAtMs: 0, checkedAtMs: 1 };

test.each<[string, Partial<MarketNode>]>([
  ['whose URLs are those of another key', { link: 'conflict' }],
  ['that never answered', { link: 'down', health: { ...never, failures: 2 } }],
  ['that all are at one host', { link: 'unchecked', url: 'https://victim.example.com/path' }],
])('invented nodes %s make room where it runs short, and only then', async (_, found) => {
  await using world = await setUp(() => found);
  world.fill(ROOM / 2);
  world.tidy();
  expect(world.registry.announcements()).toHaveLength(ROOM / 2);
  world.fill(ROOM);
  expect(world.hasRoom()).toBe(false);
  world.tidy();
  expect(world.hasRoom()).toBe(true);
  expect(world.registry.announcements().length).toBeLessThanOrEqual(32);
});

test('nodes that live, that have answered before, that are new, or of which an anchor speaks, make no room', async () => {
  const kinds: readonly Partial<MarketNode>[] = [
    { link: 'linked' },
    { link: 'unlinked' },
    { link: 'down', health: { ...never, answeredAtMs: 1, failures: 9 } },
    { link: 'down', health: { ...never, failures: 1 } },
    { link: 'unchecked' },
  ];
  await using world = await setUp((at) =>
    at === 0 ? { link: 'conflict' } : (kinds[at % 5] ?? {}),
  );
  world.registry.ingest(
    eventOf({
      kind: 38425,
      pubkey: ANCHOR,
      tags: [
        ['node', keyOf(0)],
        ['t', 'lgtm'],
      ],
    }),
    RELAY,
  );
  world.fill(ROOM);
  world.tidy();
  expect(world.registry.announcements()).toHaveLength(ROOM);
});
