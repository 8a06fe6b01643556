import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startChild } from './child.ts';
import type { Child } from './child.ts';
import type { Choice } from './market-choice.ts';
import type { Found, Lookups, Memory, Started } from './market-discovery.ts';
import type { Filling } from './market-relays.ts';
import type { Plan } from './plan.ts';
import type { Stage } from './stage.ts';
import { count, millis, table } from './table.ts';

export interface MarketRow {
  readonly what: string;
  readonly found: Found;
  readonly memory: Memory;
  readonly warm: Started;
  readonly lookups: Lookups;
}

export interface MarketResult {
  readonly rows: readonly MarketRow[];
  readonly choices: readonly ChoiceRow[];
}

interface ChoiceRow extends Choice {
  readonly what: string;
}

const HONEST_AMONG_HOSTILE = 100;
const HOSTILE = 30_000;
const HOSTILE_WATCH_MS = 20_000;
/** So many nodes a router buys from at most. */
const SELLERS = 300;
const OFFERS = 1_000;
const PROVIDERS = 10_000;

/** What many nodes on three relays cost, what two relays can do with inventions, and how long a choice takes. No node can be reached. */
export async function measureMarket(_stage: Stage, plan: Plan): Promise<MarketResult> {
  const rows = [
    await measure(`${count(plan.providers)} nodes`, { honest: plan.providers, hostile: 0 }, 0),
    await measure(
      `${HONEST_AMONG_HOSTILE} nodes, ${count(HOSTILE)} inventions`,
      { honest: HONEST_AMONG_HOSTILE, hostile: HOSTILE },
      HOSTILE_WATCH_MS,
    ),
  ];
  const choices = await measureChoices();
  printFinding(rows);
  printStarts(rows);
  printChoices(choices);
  return { rows, choices };
}

function printFinding(rows: readonly MarketRow[]): void {
  console.log('\nThe market, read from three relays; memory beside the program');
  console.log(
    table(
      ['on the relays', '', 'found', 'CPU s', 'heap MB', 'RSS MB', 'RSS MB at most'],
      rows.map(({ what, found, memory }) => [
        what,
        '',
        count(found.nodes),
        found.cpuSeconds.toFixed(2),
        memory.heapMb.toFixed(0),
        memory.rssMb.toFixed(0),
        memory.peakRssMb.toFixed(0),
      ]),
    ),
  );
}

function printStarts(rows: readonly MarketRow[]): void {
  console.log(
    `\nA start that knows them; up to ${SELLERS} sold before. Then all follow, in turns of the event loop`,
  );
  console.log(
    table(
      [
        'stored',
        '',
        'ready ms',
        'its CPU ms',
        'nodes',
        'all: CPU ms',
        'longest turn ms',
        'by name us',
        'standing us',
      ],
      rows.map(({ warm, lookups }) => [
        count(warm.allNodes),
        '',
        millis(warm.ms),
        millis(warm.cpuMs),
        count(warm.nodes),
        millis(warm.allCpuMs),
        millis(warm.longestTurnMs),
        lookups.byNameUs.toFixed(2),
        lookups.standingUs.toFixed(2),
      ]),
    ),
  );
}

function printChoices(choices: readonly ChoiceRow[]): void {
  console.log('\nThe choice of candidates among the offers of one model');
  console.log(
    table(
      ['among', '', 'offers', 'candidates', 'us'],
      choices.map(({ what, offers, candidates, us }) => [
        what,
        '',
        count(offers),
        count(candidates),
        us.toFixed(0),
      ]),
    ),
  );
}

async function measureChoices(): Promise<readonly ChoiceRow[]> {
  const router = startChild({ file: './market-choice.ts', cpu: 0 });
  try {
    await router.ready;
    return [
      { what: 'all offers', ...(await router.ask<Choice>('among', OFFERS)) },
      {
        what: `${count(PROVIDERS)} providers, through the catalog`,
        ...(await router.ask<Choice>('with', PROVIDERS)),
      },
    ];
  } finally {
    await router.stop();
  }
}

async function measure(what: string, filling: Filling, ms: number): Promise<MarketRow> {
  const home = await mkdtemp(join(tmpdir(), 'nutroute-market-'));
  const relays = startChild({ file: './market-relays.ts', cpu: 1 });
  try {
    await relays.ready;
    await relays.ask('fill', filling);
    const urls = await relays.ask<readonly string[]>('urls');
    const cold = await openDiscovery(home);
    await cold.ask('start', { relays: urls, nodes: 0 });
    const found = await cold.ask<Found>('find', { nodes: filling.honest, ms });
    const memory = await cold.ask<Memory>('memory');
    await end(cold);

    const again = await openDiscovery(home);
    const warm = await again.ask<Started>('start', { relays: [], nodes: filling.honest });
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
  await discovery.ask('stop', SELLERS);
  await discovery.stop();
}
