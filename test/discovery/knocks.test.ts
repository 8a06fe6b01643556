import { expect, test } from 'vitest';

import { createKnocks } from '../../src/discovery/knocks.ts';
import { createSimulatedClock } from '../support/clock.ts';

const HOUR = 3_600_000;

test('a host is knocked at 32 times a day, its ports and paths together another 32 times', () => {
  const clock = createSimulatedClock();
  const knocks = createKnocks(clock);
  const knock = (url: (at: number) => string): number =>
    Array.from({ length: 100 }, (_, at) => knocks.knock(url(at))).filter(Boolean).length;

  expect(knock((at) => `https://node.example.com:${2000 + at}/${at}`)).toBe(32);
  expect(knock(() => 'https://node.example.com')).toBe(32);
  expect(knock(() => 'https://other.example.com')).toBe(32);
  clock.advance(24 * HOUR - 1);
  expect(knock(() => 'https://node.example.com/path')).toBe(0);
  clock.advance(1);
  expect(knock(() => 'https://node.example.com/path')).toBe(32);
});

test('a host where nodes name their keys is knocked at for as many as there are', () => {
  const knocks = createKnocks(createSimulatedClock());
  for (let at = 0; at < 100; at += 1) {
    const url = `https://hoster.example.com:${2000 + at}`;
    expect(knocks.knock(url)).toBe(true);
    knocks.welcome(url);
  }
});
