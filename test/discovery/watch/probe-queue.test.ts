import { expect, test } from 'vitest';

import { createProbeQueue } from '../../../src/discovery/watch/probe-queue.ts';

interface Work {
  readonly started: string[];
  readonly work: (name: string) => () => Promise<void>;
  readonly finish: (name: string) => Promise<void>;
}

function works(): Work {
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    started,
    work: (name) => () =>
      new Promise((resolve) => {
        started.push(name);
        ends.set(name, resolve);
      }),
    async finish(name) {
      ends.get(name)?.();
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    },
  };
}

test('No more run than may, and work that can wait never takes all places', async () => {
  const queue = createProbeQueue({ running: 3, urgent: 3, background: 2, waiting: 10 });
  const { started, work, finish } = works();
  for (const name of ['a', 'b', 'c']) void queue.add(name, work(name), false);
  expect(started).toEqual(['a', 'b']);
  void queue.add('u', work('u'), true);
  void queue.add('v', work('v'), true);
  expect(started).toEqual(['a', 'b', 'u']);
  await finish('a');
  expect(started).toEqual(['a', 'b', 'u', 'v']);
  await finish('u');
  expect(started).toEqual(['a', 'b', 'u', 'v', 'c']);
});

test('What is urgent and hangs leaves places for work that can wait', async () => {
  const queue = createProbeQueue({ running: 3, urgent: 2, background: 2, waiting: 10 });
  const { started, work, finish } = works();
  for (const name of ['u', 'v', 'w', 'x']) void queue.add(name, work(name), true);
  void queue.add('a', work('a'), false);
  void queue.add('b', work('b'), false);
  expect(started).toEqual(['u', 'v', 'a']);
  await finish('u');
  expect(started).toEqual(['u', 'v', 'a', 'w']);
  await finish('a');
  expect(started).toEqual(['u', 'v', 'a', 'w', 'b']);
});

test('What waits or runs already is not started again, and moves up when it has become urgent', async () => {
  const queue = createProbeQueue({ running: 1, urgent: 1, background: 1, waiting: 10 });
  const { started, work, finish } = works();
  const first = queue.add('a', work('a'), false);
  expect(queue.add('a', work('again'), true)).toBe(first);
  const slow = queue.add('b', work('b'), false);
  void queue.add('c', work('c'), false);
  const moved = queue.add('c', work('c again'), true);
  expect(queue.add('b', work('b again'), false)).toBe(slow);
  await finish('a');
  await first;
  await finish('c');
  await moved;
  await finish('b');
  await slow;
  expect(started).toEqual(['a', 'c', 'b']);
});

test('Too many that wait are refused', () => {
  const queue = createProbeQueue({ running: 1, urgent: 1, background: 1, waiting: 1 });
  const { work } = works();
  expect(queue.add('a', work('a'), false)).toBeDefined();
  expect(queue.add('b', work('b'), false)).toBeDefined();
  expect(queue.add('c', work('c'), false)).toBeUndefined();
  expect(queue.add('d', work('d'), true)).toBeDefined();
  expect(queue.add('e', work('e'), true)).toBeUndefined();
});

test('Clearing it lets go of those that wait for what will not run', async () => {
  const queue = createProbeQueue({ running: 1, urgent: 1, background: 1, waiting: 10 });
  const { started, work, finish } = works();
  void queue.add('a', work('a'), false);
  const slow = queue.add('b', work('b'), false);
  const urgent = queue.add('c', work('c'), true);
  queue.clear();
  await slow;
  await urgent;
  await finish('a');
  expect(started).toEqual(['a']);
});
