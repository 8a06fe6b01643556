import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';

import { expect, test, vi } from 'vitest';

import { startRelay } from '../../src/demo/relay.ts';
import type { DemoRelay } from '../../src/demo/relay.ts';
import { createDiscovery } from '../../src/discovery/discovery.ts';
import { createGuard } from '../../src/discovery/guard/guard.ts';
import { discoverySchema } from '../../src/discovery/schema.ts';
import type { NostrEvent } from '../../src/nostr/event.ts';
import { testStore } from '../support/ledger-store.ts';
import { QUIET_DISCOVERY } from '../support/quiet-discovery.ts';
import { announcementBy, pubkeyNumber } from './signed-events.ts';

const HONEST = 40;
const nowS = Math.floor(Date.now() / 1000);
const hex = (text: string): string => createHash('sha256').update(text).digest('hex');
const hostOf = (number: number): string => `https://node${number}.example.com`;

/** Right in form, wrong in signature. */
function forged(name: string, parts: Partial<NostrEvent> = {}): NostrEvent {
  const tags = [
    ['d', 'main'],
    ['u', `https://${hex(name).slice(0, 8)}.example.com`],
    ['t', 'routstr'],
  ];
  const content = '{"name":"Invented","about":""}';
  const key = hex(`key ${name}`);
  const wrong = { id: hex(`id ${name}`), pubkey: key, sig: key.repeat(2) };
  return { ...wrong, kind: 38_421, created_at: nowS - 5, tags, content, ...parts };
}

/** 15,000. What costs a relay its connection comes last. */
function* inventions(relay: number, genuine: readonly NostrEvent[]): Generator<NostrEvent> {
  const squat = { tags: [['d', 'lnproxy-v1']], content: '{"fee_ppm":1000}' };
  for (let at = 0; at < 5_000; at += 1) yield forged(`squatter ${relay} ${at}`, squat);
  for (let at = 0; at < 2_000; at += 1) {
    yield forged(`oversized ${relay} ${at}`, { content: 'x'.repeat(20_000) });
  }
  for (let at = 0; at < 4_000; at += 1) {
    yield forged(`future ${relay} ${at}`, { created_at: nowS + 86_400 + at });
  }
  // Ids and addresses of genuine events, and names of keys that are blamed for what they never said.
  for (const event of genuine) yield { ...event, content: '{"name":"Poisoned","about":""}' };
  for (const event of genuine) yield { ...event, created_at: nowS + 60, id: hex(event.id) };
  for (let at = 2 * genuine.length; at < 4_000; at += 1) yield forged(`forged ${relay} ${at}`);
}

/** In slices: a relay cuts off who cannot follow. */
async function tell(relay: DemoRelay, events: Iterable<NostrEvent>): Promise<number> {
  let count = 0;
  for (const event of events) {
    for (const client of relay.clients()) client.push(event);
    count += 1;
    if (count % 50 === 0) await setImmediate();
  }
  return count;
}

test('30,000 inventions from two of three relays hide no honest node and cost less than 10 s of CPU', async () => {
  await using stack = new AsyncDisposableStack();
  const stored = stack.use(await testStore([discoverySchema]));
  const asked = new Set<string>();
  const open = async () => {
    const onMessage = ([verb]: readonly unknown[]): boolean => {
      if (verb === 'REQ') asked.add(relay.url);
      return true;
    };
    const relay = await startRelay({ verify: false, hooks: { onMessage } });
    stack.defer(() => relay.close());
    return relay;
  };
  const [honest, ...hostile] = await Promise.all([open(), open(), open()]);
  const guard = createGuard({
    allowPrivate: false,
    socksProxy: undefined,
    lookup: (host, _options, done) => done(new Error(`no ${host}`), []),
  });
  stack.defer(() => guard.close());
  const discovery = createDiscovery({
    ...QUIET_DISCOVERY,
    store: stored.store,
    relays: [...hostile, honest].map(({ url }) => url),
    guard,
  });
  await discovery.start();
  stack.defer(() => discovery.stop());
  await vi.waitFor(() => expect(asked.size).toBe(3), { timeout: 5_000 });
  const genuine = Array.from({ length: HONEST }, (_, at) => announcementBy(at, hostOf(at)));

  const invented = hostile.map((_, at) => [...inventions(at, genuine)]);
  const before = process.cpuUsage();
  const told = await Promise.all(hostile.map((relay, at) => tell(relay, invented[at] ?? [])));
  await vi.waitFor(
    () => {
      for (const relay of discovery.relays().slice(0, 2)) expect(relay.state).toBe('banned');
    },
    { timeout: 15_000 },
  );
  for (const event of genuine) honest.store(event);
  await vi.waitFor(() => expect(discovery.nodes()).toHaveLength(HONEST), { timeout: 10_000 });
  const { user, system } = process.cpuUsage(before);

  expect(told).toEqual([15_000, 15_000]);
  const read = discovery.relays().map(({ events, invalid }) => ({ events, invalid }));
  for (const { events } of read.slice(0, 2)) expect(events).toBeGreaterThan(11_000);
  for (let at = 0; at < HONEST; at += 1) {
    expect(discovery.node(pubkeyNumber(at))).toMatchObject({ name: 'Node', url: hostOf(at) });
  }
  expect((user + system) / 1e6).toBeLessThan(10);
}, 60_000);
