import type { Fault } from '../../src/demo/mint/fault.ts';
import { CRASH_POINTS, isCrashPoint, PURCHASE_POINTS } from './crash-point.ts';
import { HABITS } from './habits.ts';
import { createDeath, createFault } from './plan.ts';
import type { Death } from './plan.ts';
import type { Random } from './random.ts';

/** Who can die: the node that has the models, and the router that buys from it and that payers ask. */
export const PARTIES = ['seller', 'buyer'] as const;
export type Party = (typeof PARTIES)[number];

/** What happens in one run of two hops, but for what each payer asks for. */
export interface TwoHopPlan {
  readonly payers: readonly string[];
  /** How the router buys, and how much it may have at the node. */
  readonly buy: 'balance' | 'request';
  readonly capSat: number;
  readonly phases: readonly TwoHopPhase[];
}

/** A while in which both run, until one of them is killed, or both are. */
export interface TwoHopPhase {
  readonly dies: readonly Party[];
  /** Where each that is started for it dies by itself, before that. */
  readonly points: Readonly<Record<Party, Death | undefined>>;
  readonly killAfterMs: number;
  /** How long payers go on asking a router whose node is dead. */
  readonly aloneMs: number;
  readonly faults: readonly Fault[];
  readonly releases: boolean;
  readonly spendsElsewhere: boolean;
}

const OWN_POINTS = Object.keys(CRASH_POINTS).filter(isCrashPoint);
const BUYER_POINTS = [
  ...OWN_POINTS,
  ...Object.keys(PURCHASE_POINTS).filter(isCrashPoint),
  // They are twice as many as those of payments, and what this is about.
  ...Object.keys(PURCHASE_POINTS).filter(isCrashPoint),
];

export function createTwoHopPlan(random: Random): TwoHopPlan {
  const habits = Object.keys(HABITS);
  return {
    payers: Array.from({ length: random.int(3, 6) }, () => random.pick(habits)),
    buy: random.chance(0.6) ? 'balance' : 'request',
    capSat: random.pick([300, 800, 2_500]),
    phases: Array.from({ length: random.int(1, 3) }, () => createPhase(random)),
  };
}

function createPhase(random: Random): TwoHopPhase {
  const dies = random.pick<readonly Party[]>([['buyer'], ['buyer'], ['seller'], PARTIES, PARTIES]);
  const seller = createDeath(random, OWN_POINTS);
  const buyer = createDeath(random, BUYER_POINTS);
  return {
    dies,
    points: {
      seller: dies.includes('seller') ? seller : undefined,
      buyer: dies.includes('buyer') ? buyer : undefined,
    },
    killAfterMs: random.chance(0.3) ? random.int(3_000, 5_000) : random.int(200, 2_500),
    aloneMs: random.int(0, 800),
    faults: Array.from({ length: random.int(0, 5) }, () => createFault(random)),
    releases: random.chance(0.5),
    spendsElsewhere: random.chance(0.3),
  };
}
