import type { Observation } from '../standing.ts';

/** What we ourselves met with a node. The order in which things of one moment were noted makes no difference. Immutable. */
export interface Experience {
  /** Paid requests whose charge its published prices confirm, ever. */
  readonly paidRight: number;
  /** How often what it owed came back, ever. */
  readonly returns: number;
  /** What it charged rightly and what it gave back, ever: the money it handled honestly. */
  readonly handledMsat: bigint;
  /** What it kept or charged beyond its right, ever. */
  readonly lostMsat: bigint;
  /** Overcharges and withheld debts, ever. */
  readonly faultsEver: number;
  /** The same by gravity, fading over weeks. */
  readonly faults: number;
  /** What it charged that its published prices confirm, ever. */
  readonly paidMsat: bigint;
  /** What it charged that nobody can count, less what payers paid for that, msat, fading over weeks. */
  readonly unchecked: number;
  /** Answers and failures, fading over days. */
  readonly successes: number;
  readonly failures: number;
  /** The moment that the fading numbers are of, unix ms. */
  readonly atMs: number;
}

const HOUR_MS = 3_600_000;
const OUTCOME_HALF_LIFE_MS = 24 * HOUR_MS;
/** Who cheats waits long for a second chance. */
const FAULT_HALF_LIFE_MS = 7 * 24 * HOUR_MS;
/** A request may be charged in whole sat, and 1 msat is nobody's fault (RIP-05). */
const ROUNDING_MSAT = 1_001n;
/** An overcharge of up to a tenth can come from an exchange rate that just moved. */
const SMALL_OVERCHARGE_PARTS = 10n;
const SMALL_FAULT = 0.5;
/** All the bitcoin there will be: amounts rest on what strangers say. */
const MAX_MSAT = 2_100_000_000_000_000_000n;

export function noExperience(atMs: number): Experience {
  return {
    paidRight: 0,
    paidMsat: 0n,
    returns: 0,
    handledMsat: 0n,
    lostMsat: 0n,
    faultsEver: 0,
    faults: 0,
    unchecked: 0,
    successes: 0,
    failures: 0,
    atMs,
  };
}

/** The same at a later moment; a clock that went back changes nothing. */
export function faded(experience: Experience, nowMs: number): Experience {
  const passedMs = nowMs - experience.atMs;
  if (passedMs <= 0) return experience;
  const outcomes = 2 ** (-passedMs / OUTCOME_HALF_LIFE_MS);
  const faults = 2 ** (-passedMs / FAULT_HALF_LIFE_MS);
  return {
    ...experience,
    faults: experience.faults * faults,
    unchecked: experience.unchecked * faults,
    successes: experience.successes * outcomes,
    failures: experience.failures * outcomes,
    atMs: nowMs,
  };
}

/** With one more observation, made at `nowMs`. */
export function withObservation(
  experience: Experience,
  observation: Observation,
  nowMs: number,
): Experience {
  const before = faded(experience, nowMs);
  switch (observation.kind) {
    case 'paid':
      return withPaid(before, observation.chargedMsat, observation.expectedMsat);
    case 'returned':
      return {
        ...before,
        returns: before.returns + 1,
        successes: before.successes + 1,
        handledMsat: plus(before.handledMsat, observation.msat),
      };
    case 'overcharged': {
      const excess = observation.chargedMsat - observation.expectedMsat;
      const isSmall = excess * SMALL_OVERCHARGE_PARTS <= observation.expectedMsat;
      return withFault(before, excess, isSmall ? SMALL_FAULT : 1);
    }
    case 'unchecked':
      return { ...before, unchecked: before.unchecked + Number(observation.msat) };
    case 'covered':
      return { ...before, unchecked: before.unchecked - Number(observation.msat) };
    case 'withheld':
      return withFault(before, observation.msat, 1);
    case 'failed':
      return { ...before, failures: before.failures + 1 };
    default:
      return observation satisfies never;
  }
}

function withPaid(
  before: Experience,
  chargedMsat: bigint,
  expectedMsat: bigint | undefined,
): Experience {
  const after = { ...before, successes: before.successes + 1 };
  const isRight =
    expectedMsat !== undefined && chargedMsat > 0n && chargedMsat <= expectedMsat + ROUNDING_MSAT;
  if (!isRight) return after;
  return {
    ...after,
    paidRight: before.paidRight + 1,
    paidMsat: plus(before.paidMsat, chargedMsat),
    handledMsat: plus(before.handledMsat, chargedMsat),
  };
}

function withFault(before: Experience, lostMsat: bigint, gravity: number): Experience {
  return {
    ...before,
    lostMsat: plus(before.lostMsat, lostMsat),
    faultsEver: before.faultsEver + 1,
    faults: before.faults + gravity,
    failures: before.failures + 1,
  };
}

/** Neither negative nor beyond what a column holds. */
function plus(sum: bigint, added: bigint): bigint {
  if (added <= 0n) return sum;
  return sum + added > MAX_MSAT ? MAX_MSAT : sum + added;
}

/** So much may be lost to charges that nobody can count, for half a fault; */
const UNCHECKED_MSAT = 50_000;
/** and this part of what was charged rightly: less than the markup earned on it, or payers and a node together could lose it to win more. */
const UNCHECKED_PARTS = 40;

/**
 * Its faults by gravity. What nobody can count is some fault too, where payers paid less for it: honest nodes charge for payers that
 * leave, but a payer and a node together could have all of a router's money so, one cap after the other.
 */
export function gravityOf({ faults, unchecked, paidMsat }: Experience): number {
  if (unchecked <= 0) return faults;
  return faults + (SMALL_FAULT * unchecked) / (UNCHECKED_MSAT + Number(paidMsat) / UNCHECKED_PARTS);
}

/** One standard deviation times this below the mean: about the lower 20 % quantile of a beta distribution. */
const LOWER_QUANTILE = 0.84;

/** How likely it answers, cautiously: the less we know, the lower. 0 to 1. `prior`: successes taken for granted. */
export function reliability({ successes, failures }: Experience, prior: number): number {
  const good = 1 + prior + successes;
  const bad = 1 + failures;
  const all = good + bad;
  const deviation = Math.sqrt((good * bad) / (all * all * (all + 1)));
  return Math.min(1, Math.max(0, good / all - LOWER_QUANTILE * deviation));
}
