import { parseArgs } from 'node:util';

import { startLane } from './lane.ts';
import type { Lane } from './lane.ts';
import { runOnce } from './run-once.ts';
import type { RunParts, RunResult } from './run-once.ts';
import { runTwoHops } from './run-two-hops.ts';
import { isSabotage, sabotagesOf } from './sabotage.ts';
import type { Sabotage } from './sabotage.ts';
import { learnUsage } from './usage.ts';

/**
 * `npm run test:crash -- [--hops 1|2] [--runs N] [--seed S] [--sabotage NAME]`: random runs with seeds S, S + 1, ... of one router, or
 * of one that buys from another. A run in which anything is wrong prints its seed, `--runs 1 --seed THAT` repeats its plan; the exit
 * code is 1. With a sabotage that is what must happen.
 */
const { values } = parseArgs({
  options: {
    hops: { type: 'string', default: '1' },
    runs: { type: 'string', default: '50' },
    seed: { type: 'string' },
    sabotage: { type: 'string' },
  },
});

/** Fees of the mints, in thousandths: seeds take turns, and each lane has a mint of its own. */
const FEES = [0, 100];

const RUNS: Readonly<Record<string, Order['run']>> = { 1: runOnce, 2: runTwoHops };

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.exitCode = await main();

async function main(): Promise<number> {
  const runs = Number(values.runs);
  const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
  const { sabotage } = values;
  const run = RUNS[values.hops];
  const known = sabotagesOf(values.hops);
  const isKnown = sabotage === undefined || (isSabotage(sabotage) && known.includes(sabotage));
  if (!Number.isSafeInteger(runs) || !Number.isSafeInteger(seed) || !isKnown || run === undefined) {
    console.error(
      `usage: test:crash -- [--hops 1|2] --runs N --seed S [--sabotage ${known.join('|')}]`,
    );
    return 2;
  }
  console.log(
    `${runs} runs from seed ${seed}${sabotage === undefined ? '' : `, ${sabotage} sabotaged`}`,
  );
  const startedMs = Date.now();
  const { results, isFine } = await runAll({ run, runs, seed, sabotage });
  report(results, Date.now() - startedMs);
  return isFine ? 0 : 1;
}

interface Order {
  readonly run: (parts: RunParts) => Promise<RunResult>;
  readonly runs: number;
  readonly seed: number;
  readonly sabotage: Sabotage | undefined;
}

interface Results {
  readonly results: readonly RunResult[];
  readonly isFine: boolean;
}

/** Each lane works off its own seeds; all stop at the first run that goes wrong. */
async function runAll({ run, runs, seed, sabotage }: Order): Promise<Results> {
  const results: RunResult[] = [];
  const seeds = Array.from({ length: runs }, (_, index) => seed + index);
  let isFine = true;

  const work = async (lane: Lane, own: readonly number[]): Promise<void> => {
    const usageOf = await learnUsage(lane);
    for (const seed of own) {
      if (!isFine) return;
      try {
        const result = await run({ lane, usageOf, seed, sabotage });
        results.push(result);
        isFine &&= result.faults.length === 0;
        tell(seed, result);
      } catch (error) {
        isFine = false;
        console.log(`seed ${seed}: WRONG (repeat with ${repeat(seed)})\n  ${String(error)}`);
      }
    }
  };
  await Promise.all(
    FEES.map(async (fee, index) => {
      const own = seeds.filter((seed) => seed % FEES.length === index);
      if (own.length === 0) return;
      const lane = await startLane(fee, sabotage === 'restore');
      try {
        await work(lane, own);
      } finally {
        await lane.close();
      }
    }),
  );
  return { results, isFine };
}

function tell(seed: number, result: RunResult): void {
  const { faults, kills, mintFaults, requests, movedSat } = result;
  if (faults.length === 0) {
    console.log(
      `seed ${seed}: ${kills} kills, ${mintFaults} mint faults, ${requests} requests, ${movedSat} sat: ok`,
    );
    return;
  }
  console.log(`seed ${seed}: WRONG (repeat with ${repeat(seed)}; its folder: ${result.home})`);
  for (const fault of faults) console.log(`  ${fault}`);
}

function repeat(seed: number): string {
  return `${values.hops === '1' ? '' : `--hops ${values.hops} `}--runs 1 --seed ${seed}`;
}

function report(results: readonly RunResult[], ms: number): void {
  const sum = (of: (result: RunResult) => number): number =>
    results.reduce((total, result) => total + of(result), 0);
  console.log(
    [
      `runs ${results.length}`,
      `kills ${sum(({ kills }) => kills)}`,
      `mint faults ${sum(({ mintFaults }) => mintFaults)}`,
      `requests ${sum(({ requests }) => requests)}`,
      `sat moved ${sum(({ movedSat }) => movedSat)}`,
      `sat lost ${sum(({ lostSat }) => lostSat)}`,
      `${(ms / 1000).toFixed(0)} s`,
    ].join(', '),
  );
}
