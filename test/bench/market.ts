import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startChild } from './child.ts';
import type { Child } from './child.ts';
import type { Found, Lookups, Memory, Started } from './market-discovery.ts';
import type { Filling } from './market-relays.ts';
import type { Plan } from './plan.ts';
import type { Stage } from './stage.ts';
import { count, millis, table } from './table.ts';

export interface MarketRow {
  readonly what: string;
  readonly found: Found;
  readonly memory: Memory;
  readonly warm: Started | undefined;
  readonly lookups: Lookups | undefined;
}

const HONEST_AMONG_HOSTILE = 100;
const HOSTILE = 30_000;
const HOSTILE_WATCH_MS = 20_000;

/** What many nodes on three relays cost, and what two relays can do with inventions. No node can be reached. */
export async function measureMarket(_stage: Stage, plan: Plan): Promise<readonly MarketRow[]> {
  const rows = [
    await measure(`${count(plan.providers)} nodes`, { honest: plan.providers, hostile: 0 }, 0),
    await measure(
      `${HONEST_AMONG_HOSTILE} nodes, ${count(HOSTILE)} inventions`,
      { honest: HONEST_AMONG_HOSTILE, hostile: HOSTILE },
      HOSTILE_WATCH_MS,
    ),
  ];
  console.log('\nThe market: three relays; memory beside the program, after a full collection');
  console.log(
    table(
      [
        'on the relays',
        '',
        'found',
        'CPU s',
        'heap MB',
        'RSS MB',
        'warm start ms',
        'by name us',
        'standing us',
      ],
      rows.map(({ what, found, memory, warm, lookups }) => [
        what,
        '',
        count(found.nodes),
        found.cpuSeconds.toFixed(2),
        memory.heapMb.toFixed(0),
        memory.rssMb.toFixed(0),
        millis(warm?.ms ?? 0),
        (lookups?.byNameUs ?? 0).toFixed(2),
        (lookups?.standingUs ?? 0).toFixed(2),
      ]),
    ),
  );
  return rows;
}

async function measure(what: string, filling: Filling, ms: number): Promise<MarketRow> {
  const home = await mkdtemp(join(tmpdir(), 'nutroute-market-'));
  const relays = startChild({ file: './market-relays.ts', cpu: 1 });
  try {
    await relays.ready;
    await relays.ask('fill', filling);
    const urls = await relays.ask<readonly string[]>('urls');
    const cold = await openDiscovery(home);
    await cold.ask('start', urls);
    const found = await cold.ask<Found>('find', { nodes: filling.honest, ms });
    const memory = await cold.ask<Memory>('memory');
    await end(cold);

    const again = await openDiscovery(home);
    const warm = await again.ask<Started>('start', []);
    const lookups = await again.ask<Lookups>('lookups');
    await end(again);
    return { what, found, memory, warm, lookups };
  } finally {
    await relays.stop();
    await rm(home, { recursive: true });
  }
}

async function openDiscovery(home: string): Promise<Child> {
  const nodeFlags = ['--expose-gc'];
  const child = startChild({ file: './market-discovery.ts', args: [home], nodeFlags, cpu: 0 });
  await child.ready;
  return child;
}

async function end(discovery: Child): Promise<void> {
  await discovery.ask('stop');
  await discovery.stop();
}
