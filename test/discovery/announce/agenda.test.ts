import { expect, test } from 'vitest';

import { createAgenda } from '../../../src/discovery/announce/agenda.ts';
import { createSimulatedClock } from '../../support/clock.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

function setUp(random = 0.5) {
  const clock = createSimulatedClock(1_763_700_000_000);
  return { clock, agenda: createAgenda(clock, () => random) };
}

test('the first announcement is due at once, and again after a pause where it was withheld', () => {
  const { clock, agenda } = setUp();

  expect(agenda.due()).toBe('start');
  agenda.withheld(MINUTE_MS);
  expect(agenda.due()).toBeUndefined();
  clock.advance(MINUTE_MS);
  expect(agenda.due()).toBe('start');
});

test('a change is due 30 s after it, however many follow', () => {
  const { clock, agenda } = setUp();
  agenda.told(clock.now());
  clock.advance(HOUR_MS);

  agenda.changed();
  clock.advance(29_000);
  agenda.changed();
  expect(agenda.due()).toBeUndefined();

  clock.advance(1_000);
  expect(agenda.due()).toBe('change');
  agenda.unchanged();
  expect(agenda.due()).toBeUndefined();
});

test('changes are told at most every 10 minutes', () => {
  const { clock, agenda } = setUp();
  agenda.told(clock.now());

  agenda.changed();
  clock.advance(10 * MINUTE_MS - 1);
  expect(agenda.due()).toBeUndefined();
  clock.advance(1);
  expect(agenda.due()).toBe('change');
});

test.each([
  [0, 5.4],
  [0.5, 6],
  [0.999_999, 6.6],
])('where nothing changes it is told again after 6 h, 10 %% more or less (%d)', (random, hours) => {
  const { clock, agenda } = setUp(random);
  agenda.told(clock.now());

  clock.advance((hours - 0.001) * HOUR_MS);
  expect(agenda.due()).toBeUndefined();
  clock.advance(0.002 * HOUR_MS);
  expect(agenda.due()).toBe('regular');
});
