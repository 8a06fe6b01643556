import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Level, Observation } from '../../../src/discovery/standing.ts';
import {
  faded,
  noExperience,
  reliability,
  withObservation,
} from '../../../src/discovery/trust/experience.ts';
import type { Experience } from '../../../src/discovery/trust/experience.ts';
import { judgementOn, standingOf } from '../../../src/discovery/trust/level.ts';
import type { Evidence } from '../../../src/discovery/trust/level.ts';
import { CAPS, DAY_MS, HONEST } from './fixtures.ts';

const RANK: readonly Level[] = ['blocked', 'unknown', 'proven', 'good', 'pinned'];

const amount = fc.bigInt({ min: 0n, max: 200_000n });
const observation: fc.Arbitrary<Observation> = fc.oneof(
  amount.map((msat) => ({ kind: 'paid', chargedMsat: msat, expectedMsat: msat }) as const),
  amount.map((msat) => ({ kind: 'paid', chargedMsat: msat, expectedMsat: undefined }) as const),
  amount.map((msat) => ({ kind: 'returned', msat }) as const),
  amount.map((msat) => ({ kind: 'returned', msat }) as const),
  amount.map((msat) => ({ kind: 'withheld', msat }) as const),
  amount.map((msat) => ({ kind: 'unchecked', msat }) as const),
  amount.map((msat) => ({ kind: 'covered', msat }) as const),
  fc.constant({ kind: 'failed', what: 'timeout' } as const),
  fc.tuple(amount, amount).map(([expected, more]) => ({
    kind: 'overcharged' as const,
    chargedMsat: expected + more,
    expectedMsat: expected,
  })),
);
/** Things that happened, each some time after the one before. */
const history = fc.array(fc.tuple(observation, fc.integer({ min: 0, max: DAY_MS })), {
  maxLength: 30,
});

function experienceOf(steps: readonly (readonly [Observation, number])[]): Experience {
  let experience = noExperience(0);
  for (const [seen, pauseMs] of steps) {
    experience = withObservation(experience, seen, experience.atMs + pauseMs);
  }
  return experience;
}

const word = fc.record({
  anchor: fc.constant('c'.repeat(64)),
  label: fc.constant('x'),
  positive: fc.boolean(),
  weight: fc.constantFrom(0.3, 1),
  mayBlock: fc.boolean(),
});
const evidence: fc.Arbitrary<Evidence> = fc.record({
  ruling: fc.option(
    fc.record({
      capSat: fc.option(fc.integer({ min: 0, max: 9_000 }), { nil: undefined }),
      why: fc.constant('said so'),
    }),
    { nil: undefined, freq: 8 },
  ),
  blacklisted: fc.integer({ min: 0, max: 9 }).map((value) => value === 0),
  words: fc.array(word, { maxLength: 3 }),
  linked: fc.boolean(),
  experience: history.map(experienceOf),
});

test('a cap is never above that of its level, a blocked node has none, and a weight lies in 0 to 1', () => {
  const caps: Record<Level, (given: Evidence) => number> = {
    blocked: () => 0,
    unknown: () => CAPS.unknownSat,
    proven: () => CAPS.provenSat,
    good: () => CAPS.goodSat,
    pinned: ({ ruling }) => ruling?.capSat ?? 0,
  };
  fc.assert(
    fc.property(evidence, (given) => {
      const { level, capSat, weight, why } = standingOf(given, CAPS);
      expect(capSat).toBeLessThanOrEqual(caps[level](given));
      expect(capSat).toBeGreaterThanOrEqual(0);
      expect(weight).toBeGreaterThanOrEqual(0);
      expect(weight).toBeLessThanOrEqual(1);
      expect(why.length).toBeGreaterThan(0);
    }),
  );
});

test('what a proven node may take is never more than what it handled honestly', () => {
  const dishonest = new Set(['withheld', 'overcharged', 'unchecked']);
  const honest = history.map((steps) =>
    experienceOf([
      ...HONEST.map((seen) => [seen, 0] as const),
      ...steps.filter(([{ kind }]) => !dishonest.has(kind)),
    ]),
  );
  fc.assert(
    fc.property(honest, (experience) => {
      const given = { ruling: undefined, blacklisted: false, words: [], linked: true, experience };
      const { level, capSat } = standingOf(given, CAPS);
      expect(level).toBe('proven');
      expect(capSat).toBeGreaterThan(0);
      expect(BigInt(capSat) * 1000n).toBeLessThanOrEqual(experience.handledMsat);
    }),
  );
});

test('withheld change, an overcharge, an unchecked charge or a failure never raises a node in any way', () => {
  const bad = observation.filter(({ kind }) =>
    ['withheld', 'overcharged', 'unchecked', 'failed'].includes(kind),
  );
  fc.assert(
    fc.property(evidence, bad, (given, happened) => {
      const before = standingOf(given, CAPS);
      const experience = withObservation(given.experience, happened, given.experience.atMs);
      const after = standingOf({ ...given, experience }, CAPS);
      expect(RANK.indexOf(after.level)).toBeLessThanOrEqual(RANK.indexOf(before.level));
      expect(after.capSat).toBeLessThanOrEqual(before.capSat);
      expect(after.weight).toBeLessThanOrEqual(before.weight + 1e-12);
    }),
  );
});

test('P11: a node that keeps a fifth of each token for payers that left, and gives back the rest, is left one day', () => {
  let experience = noExperience(0);
  for (let round = 1; round <= 400; round += 1) {
    const atMs = round * 60_000;
    experience = withObservation(experience, { kind: 'unchecked', msat: 5_000n }, atMs);
    experience = withObservation(experience, { kind: 'returned', msat: 20_000n }, atMs);
  }
  const given = { ruling: undefined, blacklisted: false, words: [], linked: true, experience };
  expect(standingOf(given, CAPS).level).toBe('blocked');
});

test('P11: a node that charges what payers were charged, and the markup less, is not left however often they leave', () => {
  let experience = noExperience(0);
  for (let round = 1; round <= 400; round += 1) {
    const atMs = round * 60_000;
    experience = withObservation(experience, { kind: 'covered', msat: 5_500n }, atMs);
    experience = withObservation(experience, { kind: 'unchecked', msat: 5_000n }, atMs);
  }
  const given = { ruling: undefined, blacklisted: false, words: [], linked: true, experience };
  expect(standingOf(given, CAPS).level).toBe('unknown');
});

test('P11: payers and a node together never win more than a few hundred sat, whatever they earn us before', () => {
  const markup = 10n;
  const deal = fc.record({
    paid: fc.bigInt({ min: 0n, max: 100_000n }),
    lost: fc.bigInt({ min: 0n, max: 20_000n }),
  });
  fc.assert(
    fc.property(fc.array(deal, { minLength: 100, maxLength: 400 }), (deals) => {
      let experience = noExperience(0);
      let ours = 0n;
      for (const { paid, lost } of deals) {
        if (judgementOn({ linked: true, experience }, CAPS) === 'avoid') break;
        const right = { kind: 'paid', chargedMsat: paid, expectedMsat: paid } as const;
        experience = withObservation(experience, right, 0);
        experience = withObservation(experience, { kind: 'unchecked', msat: lost }, 0);
        ours += paid / markup - lost;
      }
      expect(ours).toBeGreaterThan(-200_000n);
    }),
  );
});

test('what happened in one moment counts the same in any order', () => {
  const moments = fc
    .array(observation, { maxLength: 12 })
    .chain((seen) =>
      fc.tuple(fc.constant(seen), fc.shuffledSubarray(seen, { minLength: seen.length })),
    );
  fc.assert(
    fc.property(history, moments, (past, [seen, shuffled]) => {
      const now = DAY_MS * 40;
      const start = experienceOf(past);
      const [one, other] = [seen, shuffled].map((order) =>
        order.reduce((experience, each) => withObservation(experience, each, now), start),
      );
      // Fractions are added up in another order.
      for (const sum of ['faults', 'unchecked'] as const)
        expect(one?.[sum]).toBeCloseTo(other?.[sum] ?? Number.NaN, 6);
      expect({ ...one, faults: 0, unchecked: 0 }).toEqual({ ...other, faults: 0, unchecked: 0 });
    }),
  );
});

test('a clock that goes back neither fades nor grows anything', () => {
  const experience = experienceOf([
    [{ kind: 'failed', what: 'timeout' }, DAY_MS],
    [{ kind: 'withheld', msat: 5n }, 0],
  ]);

  expect(faded(experience, 0)).toBe(experience);
  expect(faded(experience, experience.atMs + DAY_MS)).toMatchObject({ failures: 1, successes: 0 });
});

test('each fault of the past asks for as much proof again', () => {
  const levelAfter = (paidRight: number, returns: number) => {
    const handledMsat = 500_000n;
    const experience = { ...noExperience(0), paidRight, returns, handledMsat, faultsEver: 1 };
    const given = { ruling: undefined, blacklisted: false, words: [], linked: true, experience };
    return standingOf(given, CAPS).level;
  };

  expect([levelAfter(5, 2), levelAfter(6, 1), levelAfter(6, 2)]).toEqual([
    'unknown',
    'unknown',
    'proven',
  ]);
});

test('the less is known of a node, the less it is relied on', () => {
  const after = (successes: number, failures: number) =>
    reliability({ ...noExperience(0), successes, failures }, 0);

  expect(after(0, 0)).toBeCloseTo(0.26, 2);
  expect(after(5, 0)).toBeCloseTo(0.75, 2);
  expect(after(100, 0)).toBeGreaterThan(0.97);
  expect(after(100, 100)).toBeCloseTo(0.47, 2);
});
