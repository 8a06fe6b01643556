import type { Config } from '../config.ts';
import { createTrust } from '../discovery/trust/trust.ts';
import type { Trust } from '../discovery/trust/trust.ts';
import { systemClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Store } from '../store/store.ts';
import { trustFileOf } from './market.ts';

/** What we meet with the nodes that are bought from, and what follows from it. */
export type Dealings = Pick<Trust, 'observe' | 'standing' | 'isShunned'>;

export interface DealingsParts {
  readonly store: Store;
  readonly log: Log;
  readonly closing: AsyncDisposableStack;
}

/** Nothing is bought from whom the configuration does not name. */
const CAPS = { unknownSat: 0, provenSat: 0, goodSat: 0 };

/** Those of a router that finds no nodes, but may buy from some that its configuration names. What was met before is known. */
export async function openDealings(config: Config, parts: DealingsParts): Promise<Dealings> {
  const { store, log, closing } = parts;
  const trust = createTrust({
    store,
    clock: systemClock,
    log,
    caps: CAPS,
    anchors: [],
    allow: [],
    deny: [],
    pins: [],
    trustFile: trustFileOf(config),
  });
  closing.defer(() => trust.stop());
  await trust.start();
  return trust;
}
