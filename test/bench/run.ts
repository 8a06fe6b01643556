import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { measureAborts } from './aborts.ts';
import { checkLedger, checkMints } from './books.ts';
import type { Check } from './books.ts';
import { pins } from './child.ts';
import { measureHangingMint } from './hanging-mint.ts';
import { measureLargeBodies } from './large-bodies.ts';
import { measureMarket } from './market.ts';
import { measurePayments } from './payments.ts';
import { FULL, QUICK } from './plan.ts';
import type { Plan } from './plan.ts';
import { measurePaced, measureRates, measureStreams, warmUp } from './rates.ts';
import { startStage } from './stage.ts';
import type { Stage } from './stage.ts';

/**
 * Measures the router beside its upstream and beside a bare proxy, by turns in one run, and checks its books afterwards. Only
 * ratios of one run mean something. Exit 0: measured, and the books are right; 1: they are not; 2: wrong usage.
 */
const SECTIONS = {
  rates: measureRates,
  streams: measureStreams,
  paced: measurePaced,
  payments: measurePayments,
  mint: measureHangingMint,
  bodies: measureLargeBodies,
  market: measureMarket,
  aborts: measureAborts,
} as const satisfies Record<string, (stage: Stage, plan: Plan) => Promise<unknown>>;

const USAGE = `Usage: npm run bench -- [--quick] [--only NAME]... [--json FILE] [--profile FOLDER]
  --only     one of ${Object.keys(SECTIONS).join(', ')}
  --profile  writes the router's CPU profile there`;

/** A bench that hangs ends all the same. */
const MAX_RUN_MS = 15 * 60_000;

function readOptions() {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  for (const name of values.only) {
    if (!(name in SECTIONS)) throw new TypeError(`there is no section ${name}`);
  }
  return values;
}

function profileFlags(folder: string | undefined): readonly string[] {
  return folder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${folder}`];
}

async function main(): Promise<number> {
  const options = readOptions();
  const plan = options.quick ? QUICK : FULL;
  const names = Object.keys(SECTIONS).filter(
    (name): name is keyof typeof SECTIONS =>
      options.only.length === 0 || options.only.includes(name),
  );
  // What this process starts inherits the CPU; the router and the bare proxy get the other one.
  if (pins()) spawnSync('taskset', ['-acp', '1', String(process.pid)], { stdio: 'ignore' });
  const machine = `${cpus().length} CPUs (${cpus()[0]?.model.trim() ?? 'unknown'}), Node ${process.version}`;
  console.log(
    `${machine}; ${pins() ? 'router and bare proxy on CPU 0, all else on CPU 1' : 'nothing is pinned'}`,
  );

  const stage = await startStage({ nodeFlags: profileFlags(options.profile) });
  const results: Record<string, unknown> = { machine, isPinned: pins() };
  const checks: Check[] = [];
  try {
    console.log('warming up');
    await warmUp(stage, plan);
    for (const name of names.filter((name) => name !== 'aborts')) {
      results[name] = await SECTIONS[name](stage, plan);
    }
    await sleep(SETTLE_MS);
    checks.push(...checkLedger(stage));
    if (names.includes('aborts')) {
      results['aborts'] = await SECTIONS.aborts(stage, plan);
      await sleep(SETTLE_MS);
      checks.push(...checkLedger(stage));
    }
    await stage.load.ask('hangUp');
    const code = await stage.stopRouter();
    checks.push({ name: 'exit code after SIGTERM', expected: 0n, found: BigInt(code ?? -1) });
    checks.push(...(await checkMints(stage)));
  } finally {
    await stage.close();
  }
  const isRight = printChecks(checks);
  results['checks'] = checks.map(({ name, expected, found }) => ({
    name,
    expected: String(expected),
    found: String(found),
  }));
  if (options.json !== undefined) {
    await writeFile(options.json, `${JSON.stringify(results, null, 2)}\n`);
  }
  return isRight ? 0 : 1;
}

const SETTLE_MS = 500;

function printChecks(checks: readonly Check[]): boolean {
  console.log('\nBooks');
  for (const { name, expected, found } of checks) {
    console.log(`${expected === found ? 'ok   ' : 'WRONG'} ${name}: ${expected} = ${found}`);
  }
  return checks.every(({ expected, found }) => expected === found);
}

setTimeout(() => {
  console.error('the bench took too long');
  process.exit(1);
}, MAX_RUN_MS).unref();

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof TypeError;
  console.error(isUsage ? `${error.message}\n${USAGE}` : error);
  process.exitCode = isUsage ? 2 : 1;
}
