import type { Fault } from '../../src/demo/mint/fault.ts';
import { CRASH_POINTS, isCrashPoint } from './crash-point.ts';
import type { CrashPoint } from './crash-point.ts';
import { HABITS } from './habits.ts';
import type { Random } from './random.ts';

/** What happens in one run, but for what each payer asks for. */
export interface Plan {
  readonly payers: readonly string[];
  readonly phases: readonly Phase[];
}

/** One life of the router, until it is killed. */
export interface Phase {
  readonly point: { readonly name: CrashPoint; readonly nth: number } | undefined;
  /** It is killed after so long, if it did not die at its point before. */
  readonly killAfterMs: number;
  readonly faults: readonly Fault[];
  /** Coins that the mint stuck on PENDING are let go before the next life. */
  readonly releases: boolean;
  /** The payers spend something elsewhere while the router is down. */
  readonly spendsElsewhere: boolean;
}

/** No planned delay of the mint is longer. */
export const MAX_DELAY_MS = 700;

/** Where a router dies by itself, and at which pass. */
export type Death = NonNullable<Phase['point']>;

const POINTS = Object.keys(CRASH_POINTS).filter(isCrashPoint);

export function createPlan(random: Random): Plan {
  const habits = Object.keys(HABITS);
  const payers = Array.from({ length: random.int(4, 7) }, () => random.pick(habits));
  const phases = Array.from({ length: random.int(1, 3) }, (): Phase => {
    return {
      point: createDeath(random, POINTS),
      killAfterMs: random.chance(0.3) ? random.int(3_000, 5_000) : random.int(50, 1_800),
      faults: Array.from({ length: random.int(0, 5) }, () => createFault(random)),
      releases: random.chance(0.5),
      spendsElsewhere: random.chance(0.4),
    };
  });
  return { payers, phases };
}

export function createDeath(random: Random, points: readonly CrashPoint[]): Death | undefined {
  const hasPoint = random.chance(0.6);
  const nth = random.chance(0.3) ? 1 : random.int(2, 12);
  return hasPoint ? { name: random.pick(points), nth } : undefined;
}

export function createFault(random: Random): Fault {
  const isSwap = random.chance(0.7);
  const path = isSwap ? '/v1/swap' : random.pick(['/v1/restore', '/v1/checkstate', '/v1/*']);
  const place = { path, skip: random.int(0, 4), times: random.int(1, 2) };
  const when = random.pick(['before', 'after'] as const);
  switch (random.int(0, 9)) {
    case 0:
    case 1:
      return { ...place, kind: 'drop', when: 'after' };
    case 2:
      return { ...place, kind: 'drop', when: 'before' };
    case 3:
      return { ...place, kind: 'refuse', status: 400, code: 0, when };
    case 4:
      return { ...place, kind: 'refuse', status: 400, code: 50_000, when };
    case 5:
      return { ...place, kind: 'refuse', status: 503, when };
    case 6:
      return { ...place, kind: 'garble', when: 'after' };
    case 7:
      return { ...place, kind: 'pending', path: '/v1/swap' };
    case 8:
      return random.chance(0.3)
        ? { ...place, kind: 'refuse', status: 429, when: 'before' }
        : { ...place, kind: 'hang', when };
    default:
      return { ...place, kind: 'delay', ms: random.int(20, MAX_DELAY_MS) };
  }
}
