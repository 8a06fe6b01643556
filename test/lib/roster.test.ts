import { expect, test } from 'vitest';

import { createRoster } from '../../src/lib/roster.ts';

test('members leave in any order, and the others stay', () => {
  const roster = createRoster<string>();
  const leave = new Map(['a', 'b', 'c', 'd'].map((name) => [name, roster.add(name)]));

  leave.get('b')?.();
  leave.get('d')?.();

  expect(roster.all().toSorted()).toEqual(['a', 'c']);
  expect(roster.size).toBe(2);
  leave.get('a')?.();
  leave.get('c')?.();
  expect(roster.all()).toEqual([]);
});

test('leaving twice takes nobody else out', () => {
  const roster = createRoster<string>();
  const leave = roster.add('a');
  roster.add('b');

  leave();
  leave();
  roster.add('c');
  leave();

  expect(roster.all().toSorted()).toEqual(['b', 'c']);
});

test('equal members are members of their own', () => {
  const roster = createRoster<string>();
  const leave = roster.add('a');
  roster.add('a');

  leave();

  expect(roster.all()).toEqual(['a']);
});

test('members may leave while all are gone through', () => {
  const roster = createRoster<() => void>();
  const seen: string[] = [];
  for (const name of ['a', 'b', 'c']) {
    const leave = roster.add(() => {
      seen.push(name);
      leave();
    });
  }

  for (const member of roster.all()) member();

  expect(seen).toEqual(['a', 'b', 'c']);
  expect(roster.size).toBe(0);
});
