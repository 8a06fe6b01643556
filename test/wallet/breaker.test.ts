import { expect, test } from 'vitest';

import { createBreaker } from '../../src/wallet/breaker.ts';

function setUp() {
  const clock = { ms: 1_000_000, now: () => clock.ms };
  const breaker = createBreaker({ clock });
  const fail = (times: number): void => {
    for (let i = 0; i < times; i += 1) {
      breaker.admit();
      breaker.failed();
    }
  };
  return { clock, breaker, fail };
}

test('a mint that fails five times in a row is left alone for five seconds', () => {
  const { clock, breaker, fail } = setUp();

  fail(4);
  expect(breaker.admit()).toBe(true);
  breaker.failed();

  expect(breaker.admit()).toBe(false);
  expect(breaker.closedForMs).toBe(5000);
  expect(breaker.openSinceMs).toBe(clock.ms);
});

test('an answer between failures starts the count again', () => {
  const { breaker, fail } = setUp();

  fail(4);
  breaker.answered();
  fail(4);

  expect(breaker.admit()).toBe(true);
});

test('after the pause one call at a time is let through, and its answer closes the breaker', () => {
  const { clock, breaker, fail } = setUp();
  fail(5);

  clock.ms += 5000;

  expect([breaker.admit(), breaker.admit()]).toEqual([true, false]);
  breaker.answered();
  expect([breaker.admit(), breaker.admit()]).toEqual([true, true]);
  expect(breaker.openSinceMs).toBeUndefined();
});

test('the pause doubles with every failed try, up to a minute, and counts from the first', () => {
  const { clock, breaker, fail } = setUp();
  fail(5);
  const openedMs = clock.ms;

  const pauses: number[] = [];
  for (let i = 0; i < 6; i += 1) {
    pauses.push(breaker.closedForMs);
    clock.ms += breaker.closedForMs;
    fail(1);
  }

  expect(pauses).toEqual([5000, 10_000, 20_000, 40_000, 60_000, 60_000]);
  expect(breaker.openSinceMs).toBe(openedMs);
});

test('failures of calls that were under way do not lengthen the pause', () => {
  const { breaker, fail } = setUp();
  fail(5);

  for (let i = 0; i < 20; i += 1) breaker.failed();

  expect(breaker.closedForMs).toBe(5000);
});

test('a mint that asks for a pause gets one, of a minute at most', () => {
  const { clock, breaker } = setUp();

  breaker.admit();
  breaker.paused(3_600_000);

  expect(breaker.closedForMs).toBe(60_000);
  clock.ms += 60_000;
  expect(breaker.admit()).toBe(true);
});
