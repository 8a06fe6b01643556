// Discovery in a process of its own: what it takes to find many nodes, and to start when they are known.
import { join } from 'node:path';

import { createDiscovery } from '../../src/discovery/discovery.ts';
import { createGuard } from '../../src/discovery/guard/guard.ts';
import type { MarketNode } from '../../src/discovery/market-node.ts';
import { discoverySchema } from '../../src/discovery/schema.ts';
import { newRecord } from '../../src/discovery/watch/site-record.ts';
import { createSiteStore } from '../../src/discovery/watch/site-store.ts';
import { silentLog } from '../../src/lib/log.ts';
import { readModels } from '../../src/openai/model-list.ts';
import { openStore } from '../../src/store/open-store.ts';
import { QUIET_DISCOVERY } from '../support/quiet-discovery.ts';
import { serveParent } from './parent.ts';

export interface Started {
  /** Until `start` resolves: then the nodes that sold before can be bought from. */
  readonly ms: number;
  readonly cpuMs: number;
  readonly nodes: number;
  readonly allNodes: number;
  /** Until all were known, from the beginning. */
  readonly allCpuMs: number;
  /** CPU of the longest turn of the event loop on the way from the first to all. */
  readonly longestTurnMs: number;
}

export interface Found {
  readonly nodes: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** Beside the program before it knew any node. */
export interface Memory {
  /** Of JavaScript, with what it holds outside its heap, after a full collection. */
  readonly heapMb: number;
  /** Of the process, after a collection that gives back what it can. */
  readonly rssMb: number;
  /** The same at its highest, with all that was not collected yet. */
  readonly peakRssMb: number;
}

export interface Lookups {
  readonly byNameUs: number;
  readonly standingUs: number;
}

const MAX_FINDING_MS = 120_000;
const STEP_MS = 50;
const LOOKUPS = 20_000;
/** Of a node that sells. */
const MODELS = readModels({
  data: Array.from({ length: 20 }, (_, at) => ({
    id: `vendor/model-${at}`,
    sats_pricing: { prompt: 0.001, completion: 0.003 },
  })),
});
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
let peakRss = 0;
const before = memory();

serveParent({
  /** `nodes`: so many are stored. */
  async start({ relays, nodes }: { relays: readonly string[]; nodes: number }): Promise<Started> {
    discovery = createDiscovery({
      ...QUIET_DISCOVERY,
      store,
      relays,
      guard,
      trustFile: join(home, 'trust.json'),
    });
    const began = performance.now();
    const cpu = process.cpuUsage();
    await discovery.start();
    const ms = performance.now() - began;
    const cpuMs = cpuMsSince(cpu);
    const known = discovery.nodes().length;
    const longestTurnMs = await turnUntil(() => (discovery?.nodes().length ?? 0) >= nodes);
    const allNodes = discovery.nodes().length;
    return { ms, cpuMs, nodes: known, allNodes, allCpuMs: cpuMsSince(cpu), longestTurnMs };
  },
  /** Until so many nodes are known, and for so long at least. */
  async find({ nodes, ms }: { nodes: number; ms: number }): Promise<Found> {
    const cpu = process.cpuUsage();
    const began = performance.now();
    const known = (): number => discovery?.nodes().length ?? 0;
    const elapsed = (): number => performance.now() - began;
    while ((known() < nodes || elapsed() < ms) && elapsed() < MAX_FINDING_MS) {
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
      peakRss = Math.max(peakRss, process.memoryUsage.rss());
    }
    return { nodes: known(), seconds: elapsed() / 1e3, cpuSeconds: cpuMsSince(cpu) / 1e3 };
  },
  memory(): Memory {
    const now = memory();
    return {
      heapMb: now.heapMb - before.heapMb,
      rssMb: now.rssMb - before.rssMb,
      peakRssMb: peakRss / 1e6 - before.rssMb,
    };
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
  /** Leaves on disk what so many nodes would have answered. */
  async stop(sellers: number): Promise<null> {
    const nodes = discovery?.nodes().slice(0, sellers) ?? [];
    await discovery?.stop();
    await keepAnswers(nodes);
    await guard.close();
    await store.close();
    return null;
  },
});
process.send?.({ url: home });

async function keepAnswers(nodes: readonly MarketNode[]): Promise<void> {
  const siteStore = createSiteStore({ store, log: silentLog });
  const nowMs = Date.now();
  for (const { url, pubkey: named, mints } of nodes) {
    const times = { checkedAtMs: nowMs, answeredAtMs: nowMs, infoAtMs: nowMs };
    siteStore.keep({ ...newRecord(url, nowMs), named, mints, ...times });
    siteStore.keepModels(url, { models: MODELS, etag: undefined, atMs: nowMs });
  }
  await siteStore.close();
}

/** Resolves with the CPU time, in ms, of this thread's longest turn of the event loop. */
async function turnUntil(isDone: () => boolean): Promise<number> {
  let longestMs = 0;
  while (!isDone()) {
    const began = process.threadCpuUsage();
    await new Promise((resolve) => setImmediate(resolve));
    const { user, system } = process.threadCpuUsage(began);
    longestMs = Math.max(longestMs, (user + system) / 1e3);
  }
  return longestMs;
}

function cpuMsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e3;
}

function memory() {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  // V8 keeps free room for the next burst; this collection gives it back.
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  return { heapMb: (heapUsed + external) / 1e6, rssMb: process.memoryUsage.rss() / 1e6 };
}
