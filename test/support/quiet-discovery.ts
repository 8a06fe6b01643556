import type { DiscoveryOptions } from '../../src/discovery/discovery.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';

/** Options of a discovery that trusts nobody in particular, of a router without a key. */
export const QUIET_DISCOVERY = {
  clock: systemClock,
  log: silentLog,
  directories: [],
  anchors: [],
  caps: { unknownSat: 50, provenSat: 500, goodSat: 2_000 },
  allow: [],
  deny: [],
  pins: [],
  ownPubkey: undefined,
  trustFile: '/nowhere/trust.json',
} as const satisfies Partial<DiscoveryOptions>;
