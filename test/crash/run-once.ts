import { setTimeout as sleep } from 'node:timers/promises';

import { audit } from './audit.ts';
import { collect } from './collect.ts';
import { createCustomers, spendElsewhere } from './customers.ts';
import type { Customer } from './customers.ts';
import { booksOf, createHome, removeHome } from './lane.ts';
import type { Lane } from './lane.ts';
import { createPlan, MAX_DELAY_MS } from './plan.ts';
import type { Phase } from './plan.ts';
import { openPurse } from './purse.ts';
import type { Purse } from './purse.ts';
import { createRandom } from './random.ts';
import type { Random } from './random.ts';
import { loggedErrors, startRouter } from './router.ts';
import type { Router } from './router.ts';
import type { Sabotage } from './sabotage.ts';
import type { UsageOf } from './usage.ts';

export interface RunResult {
  readonly faults: readonly string[];
  readonly kills: number;
  readonly mintFaults: number;
  readonly requests: number;
  readonly movedSat: number;
  readonly lostSat: number;
  /** The router's folder, kept where something was wrong. */
  readonly home: string;
}

export interface RunParts {
  readonly lane: Lane;
  readonly usageOf: UsageOf;
  readonly seed: number;
  readonly sabotage: Sabotage | undefined;
}

/** Asks of one payer in one life of the router; the router is killed long before. */
const MAX_STEPS = 60;

interface Running extends RunParts {
  readonly home: string;
  readonly random: Random;
  readonly purse: Purse;
  router: Router | undefined;
  kills: number;
}

/** One random run: payers pay, the mint misbehaves, the router is killed and started again; then all money is counted. */
export async function runOnce(parts: RunParts): Promise<RunResult> {
  const { lane, seed } = parts;
  const random = createRandom(seed);
  const plan = createPlan(random.fork());
  const home = await createHome(lane);
  const purse = await openPurse(lane.mintUrl);
  const running: Running = { ...parts, home, random, purse, router: undefined, kills: 0 };
  const { fees } = await booksOf(lane);
  const customers = createCustomers({ ...running, router: () => running.router }, plan.payers);

  for (const phase of plan.phases) await live(running, phase, customers);
  await settle(lane);
  const payers = customers.map(({ payer }) => payer);
  const router = await startRouter(home, { sabotage: parts.sabotage });
  running.router = router;
  const faults = [...(await collect(payers))];
  const code = await router.stop();
  if (code !== 0) faults.push(`the router ended with ${code}`);
  faults.push(...loggedErrors(home).map((line) => `the router logged an error: ${line}`));

  const mintFees = async (): Promise<number> => (await booksOf(lane)).fees - fees;
  const found = await audit({ homes: [home], payers, purse, feePpk: lane.feePpk, mintFees });
  faults.push(...found.faults);
  if (faults.length === 0 || parts.sabotage !== undefined) await removeHome(home);
  return {
    faults,
    home,
    kills: running.kills,
    mintFaults: plan.phases.reduce((sum, phase) => sum + phase.faults.length, 0),
    requests: payers.reduce((sum, { bill }) => sum + bill.requests, 0),
    movedSat: found.movedSat,
    lostSat: found.lostSat,
  };
}

/** One life of the router: it serves until it dies at its point or is killed; everybody notices. */
async function live(running: Running, phase: Phase, customers: readonly Customer[]): Promise<void> {
  const { lane, home, sabotage } = running;
  for (const fault of phase.faults) await lane.mint.command('addFault', fault);
  const router = await startRouter(home, { point: phase.point, sabotage });
  running.router = router;
  const steps = customers.map(async ({ step }) => {
    for (let count = 0; router.isAlive && count < MAX_STEPS; count += 1) await step();
  });
  await Promise.race([sleep(phase.killAfterMs), router.gone]);
  await router.kill();
  running.kills += 1;
  await Promise.all(steps);
  await lane.mint.command('clearFaults');
  if (phase.releases) await lane.mint.command('releaseStuck');
  if (phase.spendsElsewhere) await spendElsewhere(running, customers);
}

/** The mint behaves again, and nothing that it was late with is still to come. */
export async function settle(lane: Lane): Promise<void> {
  await lane.mint.command('releaseStuck');
  await sleep(MAX_DELAY_MS);
}
