// Discovery in a process of its own: what it takes to find many nodes, and to start when they are known.
import { join } from 'node:path';

import { createDiscovery } from '../../src/discovery/discovery.ts';
import { createGuard } from '../../src/discovery/guard/guard.ts';
import { discoverySchema } from '../../src/discovery/schema.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { openStore } from '../../src/store/open-store.ts';
import { serveParent } from './parent.ts';

export interface Started {
  readonly ms: number;
  readonly nodes: number;
}

export interface Found {
  readonly nodes: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

export interface Memory {
  readonly heapMb: number;
  readonly rssMb: number;
}

export interface Lookups {
  readonly byNameUs: number;
  readonly standingUs: number;
}

const MAX_FINDING_MS = 120_000;
const STEP_MS = 50;
const LOOKUPS = 20_000;
const [home = ''] = process.argv.slice(2);

const store = await openStore({
  database: `file:${join(home, 'bench.db')}`,
  schemas: [discoverySchema],
  log: silentLog,
  onFatal: (cause) => {
    throw cause;
  },
});
const guard = createGuard({
  allowPrivate: false,
  socksProxy: undefined,
  // No node of the bench can be reached.
  lookup: (host, _options, done) => {
    const error = Object.assign(new Error(`no ${host}`), { code: 'ENOTFOUND' });
    setTimeout(() => done(error, []), 20);
  },
});
let discovery: ReturnType<typeof createDiscovery> | undefined;
const before = memory();

serveParent({
  async start(relays: readonly string[]): Promise<Started> {
    discovery = createDiscovery({
      store,
      clock: systemClock,
      log: silentLog,
      relays,
      directories: [],
      anchors: [],
      caps: { unknownSat: 50, provenSat: 500, goodSat: 2000 },
      allow: [],
      deny: [],
      pins: [],
      guard,
      ownPubkey: undefined,
      trustFile: join(home, 'trust.json'),
    });
    const began = performance.now();
    await discovery.start();
    return { ms: performance.now() - began, nodes: discovery.nodes().length };
  },
  /** Until so many nodes are known, and for so long at least. */
  async find({ nodes, ms }: { nodes: number; ms: number }): Promise<Found> {
    const cpu = process.cpuUsage();
    const began = performance.now();
    const known = (): number => discovery?.nodes().length ?? 0;
    const elapsed = (): number => performance.now() - began;
    while ((known() < nodes || elapsed() < ms) && elapsed() < MAX_FINDING_MS) {
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
    }
    const { user, system } = process.cpuUsage(cpu);
    return { nodes: known(), seconds: elapsed() / 1e3, cpuSeconds: (user + system) / 1e6 };
  },
  memory(): Memory {
    const now = memory();
    return { heapMb: now.heapMb - before.heapMb, rssMb: now.rssMb - before.rssMb };
  },
  lookups(): Lookups {
    const nodes = discovery?.nodes() ?? [];
    const each = (look: (at: number) => unknown): number => {
      const began = performance.now();
      for (let at = 0; at < LOOKUPS; at++) look(at);
      return ((performance.now() - began) * 1e3) / LOOKUPS;
    };
    const node = (at: number) => nodes[(at * 7919) % nodes.length];
    discovery?.node('nobody');
    return {
      byNameUs: each((at) => discovery?.node(node(at)?.id ?? '')),
      standingUs: each((at) => discovery?.standing(node(at)?.pubkey ?? '')),
    };
  },
  async stop(): Promise<null> {
    await discovery?.stop();
    await guard.close();
    await store.close();
    return null;
  },
});
process.send?.({ url: home });

function memory(): Memory {
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heapMb: (heapUsed + external) / 1e6, rssMb: rss / 1e6 };
}
