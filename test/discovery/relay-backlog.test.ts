import { expect, test } from 'vitest';

import { createBacklog } from '../../src/discovery/relay-backlog.ts';
import type { Page } from '../../src/discovery/relay-backlog.ts';
import type { Filter } from '../../src/nostr/event.ts';
import { createSimulatedClock } from '../support/clock.ts';

/** A relay that has events of these seconds, and gives no more than `clamp` at a time whatever it is asked for. */
function relayOf(seconds: readonly number[], clamp: number) {
  const seen = new Set<number>();
  const asked: Filter[] = [];
  const clock = createSimulatedClock();
  let answers = Infinity;
  const backlog = createBacklog({
    filter: { kinds: [38421] },
    clock,
    isStopped: () => false,
    async readPage(filter): Promise<Page> {
      asked.push(filter);
      answers -= 1;
      if (answers < 0) return { isWhole: false, oldest: undefined };
      const page = seconds
        .toSorted((one, other) => other - one)
        .filter((second) => second <= (filter.until ?? Infinity))
        .slice(0, clamp);
      for (const second of page) seen.add(second);
      return { isWhole: true, oldest: page.at(-1) };
    },
  });
  return { backlog, seen, asked, clock, answerOnly: (count: number) => void (answers = count) };
}

const seconds = (count: number): number[] => Array.from({ length: count }, (_, at) => 1000 + at);

test('a relay that clamps its pages in silence is read to its end', async () => {
  const relay = relayOf(seconds(12), 3);
  await relay.backlog.read();
  expect(relay.seen.size).toBe(12);
  expect(relay.asked.every(({ limit }) => limit === 500)).toBe(true);
});

test('a page of one second does not hold the reading up', async () => {
  const relay = relayOf([...Array.from({ length: 10 }, () => 1005), ...seconds(3)], 3);
  await relay.backlog.read();
  expect(relay.seen).toEqual(new Set([1000, 1001, 1002, 1005]));
});

test('a reading that is cut off goes on where it was, after what is new', async () => {
  const relay = relayOf(seconds(30), 3);
  relay.answerOnly(8);
  await relay.backlog.read();
  const before = relay.seen.size;
  expect(before).toBeLessThan(30);
  relay.answerOnly(11);
  await relay.backlog.read();
  expect(relay.seen.size).toBeGreaterThan(before);
  relay.answerOnly(100);
  await relay.backlog.read();
  expect(relay.seen.size).toBe(30);
});

test('once all is read, only the newest pages are read again', async () => {
  const relay = relayOf(seconds(30), 3);
  await relay.backlog.read();
  relay.asked.length = 0;
  await relay.backlog.read();
  expect(relay.asked).toHaveLength(5);
});

test('a day later all is read again', async () => {
  const relay = relayOf(seconds(30), 3);
  await relay.backlog.read();
  relay.seen.clear();
  relay.clock.advance(24 * 3_600_000);
  await relay.backlog.read();
  expect(relay.seen.size).toBe(30);
  relay.asked.length = 0;
  await relay.backlog.read();
  expect(relay.asked).toHaveLength(5);
});
