import type { Observation } from '../../../src/discovery/standing.ts';
import type { Caps } from '../../../src/discovery/trust/level.ts';
import { trustTables } from '../../../src/discovery/trust/tables.ts';
import type { TrustOptions } from '../../../src/discovery/trust/trust.ts';
import { createTrust } from '../../../src/discovery/trust/trust.ts';
import { silentLog } from '../../../src/lib/log.ts';
import type { Log } from '../../../src/lib/log.ts';
import type { Schema, Store } from '../../../src/store/store.ts';
import { createSimulatedClock } from '../../support/clock.ts';
import { testStore } from '../../support/ledger-store.ts';

export const CAPS: Caps = { unknownSat: 50, provenSat: 500, goodSat: 2_000 };
export const NODE = 'a'.repeat(64);
export const OTHER = 'b'.repeat(64);
export const ANCHOR = 'c'.repeat(64);
export const DAY_MS = 86_400_000;

export const trustSchema: Schema = { owner: 'discovery', migrations: [trustTables] };

/** A paid request that was charged as published. */
export function paid(sat: number): Observation {
  return {
    kind: 'paid',
    chargedMsat: BigInt(sat) * 1000n,
    expectedMsat: BigInt(sat) * 1000n,
  };
}

export function returned(sat: number): Observation {
  return { kind: 'returned', msat: BigInt(sat) * 1000n };
}

export function withheld(sat: number): Observation {
  return { kind: 'withheld', msat: BigInt(sat) * 1000n };
}

/** What makes a linked stranger proven: three requests and the rest of 50 sat. */
export const HONEST: readonly Observation[] = [paid(5), paid(5), paid(5), returned(35)];

/** Trust over a real database. */
export async function trustWorld(options: Partial<TrustOptions> = {}) {
  const held = await testStore([trustSchema]);
  const clock = createSimulatedClock(1_763_700_000_000);
  const open = (store: Store, log: Log = silentLog) =>
    createTrust({
      store,
      clock,
      log,
      caps: CAPS,
      anchors: [{ pubkey: ANCHOR, weight: 1, mayBlock: true }],
      deny: [],
      allow: [],
      pins: [],
      trustFile: '/nowhere/trust.json',
      ...options,
    });
  return {
    clock,
    store: held.store,
    trust: open(held.store),
    reopen: () => open(held.store),
    [Symbol.asyncDispose]: () => held[Symbol.asyncDispose](),
  };
}
