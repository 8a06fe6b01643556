import { expect, test } from 'vitest';

import { createBreaker } from '../../src/upstream/breaker.ts';
import { UpstreamFailure } from '../../src/upstream/upstream.ts';

const DOWN = new UpstreamFailure('unreachable', 'down');
const status = (code: number): UpstreamFailure =>
  new UpstreamFailure('status', 'refused', { status: code });

function setUp() {
  const clock = { ms: 1_000_000, now: () => clock.ms };
  const breaker = createBreaker({ clock });
  const fail = (times: number, failure = DOWN): void => {
    for (let i = 0; i < times; i += 1) breaker.failed(failure);
  };
  return { breaker, clock, fail };
}

test('it opens after five failures in a row', () => {
  const { breaker, fail } = setUp();
  fail(4);
  expect(breaker.allows()).toBe(true);
  breaker.succeeded();
  fail(4);
  expect(breaker.allows()).toBe(true);
  fail(1);

  expect([breaker.isResting, breaker.allows()]).toEqual([true, false]);
});

test('after five seconds one request a second may try', () => {
  const { breaker, clock, fail } = setUp();
  fail(5);
  clock.ms += 4999;
  expect(breaker.allows()).toBe(false);
  clock.ms += 1;

  expect([breaker.isResting, breaker.allows(), breaker.allows()]).toEqual([false, true, false]);
  clock.ms += 1000;
  expect([breaker.allows(), breaker.allows()]).toEqual([true, false]);
});

test('reading whether it rests uses up no try', () => {
  const { breaker, clock, fail } = setUp();
  fail(5);
  clock.ms += 5000;

  expect([breaker.isResting, breaker.isResting, breaker.allows()]).toEqual([false, false, true]);
});

test('each failed try doubles the pause, up to a minute; an answer ends it', () => {
  const { breaker, clock, fail } = setUp();
  fail(5);
  for (const pause of [5000, 10_000, 20_000, 40_000, 60_000, 60_000]) {
    clock.ms += pause - 1;
    expect(breaker.allows()).toBe(false);
    clock.ms += 1;
    expect(breaker.allows()).toBe(true);
    fail(1);
  }
  clock.ms += 60_000;
  breaker.succeeded();
  fail(4);

  expect([breaker.allows(), breaker.allows()]).toEqual([true, true]);
});

test('requests that were under way when it opened do not lengthen the pause', () => {
  const { breaker, clock, fail } = setUp();
  fail(5);
  clock.ms += 4000;
  fail(20);
  clock.ms += 1000;

  expect(breaker.allows()).toBe(true);
});

test.each([
  new UpstreamFailure('timeout', 'late'),
  new UpstreamFailure('broken', 'cut'),
  new UpstreamFailure('protocol', 'HTML'),
  ...[401, 402, 403, 408, 429, 500, 503, 529].map(status),
])('$kind $status counts', (failure) => {
  const { breaker, fail } = setUp();
  fail(5, failure);

  expect(breaker.isResting).toBe(true);
});

test.each([
  new UpstreamFailure('cancelled', 'gone'),
  new UpstreamFailure('unaffordable', 'no funds'),
  ...[400, 404, 413, 422].map(status),
])('$kind $status does not count: the request or its payer caused it', (failure) => {
  const { breaker, fail } = setUp();
  fail(20, failure);

  expect(breaker.isResting).toBe(false);
});
