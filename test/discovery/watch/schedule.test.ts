import fc from 'fast-check';
import { expect, test } from 'vitest';

import { checkDelayMs, modelsDelayMs } from '../../../src/discovery/watch/schedule.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MIDDLE = 0.5;
const idle = { failures: 0, hasAnswered: true, isUsed: false, isWanted: false };

test('A node in use is asked every minute, a wanted one every 5, any other every 6 hours', () => {
  expect(checkDelayMs({ ...idle, isUsed: true, isWanted: true }, MIDDLE)).toBe(MINUTE);
  expect(checkDelayMs({ ...idle, isWanted: true }, MIDDLE)).toBe(5 * MINUTE);
  expect(checkDelayMs(idle, MIDDLE)).toBe(6 * HOUR);
});

test('A node that fails is asked again after a minute, then half as often each time, down to once in 7 days', () => {
  const delays = [1, 2, 3, 10, 15, 1000].map((failures) =>
    checkDelayMs({ ...idle, failures }, MIDDLE),
  );
  expect(delays).toEqual([MINUTE, 2 * MINUTE, 4 * MINUTE, 512 * MINUTE, 7 * DAY, 7 * DAY]);
});

test('A node that never answered and that nobody wants is given more time', () => {
  const never = { ...idle, failures: 1, hasAnswered: false };
  expect(checkDelayMs(never, MIDDLE)).toBe(10 * MINUTE);
  expect(checkDelayMs({ ...never, isWanted: true }, MIDDLE)).toBe(MINUTE);
});

test('Models are asked for every 10 minutes, and less often while that fails, at least every 6 hours', () => {
  expect(modelsDelayMs(0, MIDDLE)).toBe(10 * MINUTE);
  expect(modelsDelayMs(1, MIDDLE)).toBe(MINUTE);
  expect(modelsDelayMs(100, MIDDLE)).toBe(6 * HOUR);
});

test('Every delay is spread by a tenth to either side', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (random) => {
      const delayMs = checkDelayMs(idle, random);
      expect(delayMs).toBeGreaterThanOrEqual(0.9 * 6 * HOUR);
      expect(delayMs).toBeLessThanOrEqual(1.1 * 6 * HOUR);
    }),
  );
  expect(checkDelayMs(idle, 0)).not.toBe(checkDelayMs(idle, 0.9));
});
