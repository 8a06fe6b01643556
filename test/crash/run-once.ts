import { setTimeout as sleep } from 'node:timers/promises';

import { getEncodedToken } from '@cashu/cashu-ts';

import { audit } from './audit.ts';
import { collect } from './collect.ts';
import { HABITS } from './habits.ts';
import type { Shop } from './habits.ts';
import { booksOf, createHome, removeHome } from './lane.ts';
import type { Lane } from './lane.ts';
import { createPayer } from './payer.ts';
import type { Payer } from './payer.ts';
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
  const customers = plan.payers.map((habit, index) => createCustomer(running, habit, index));

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
  const found = await audit({ home, payers, purse, feePpk: lane.feePpk, mintFees });
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

interface Customer {
  readonly payer: Payer;
  readonly step: () => Promise<void>;
}

function createCustomer(running: Running, habit: string, index: number): Customer {
  const payer = createPayer({
    name: `${habit}-${index}`,
    address: `127.0.${running.seed % 200}.${index + 2}`,
    routerUrl: () => (running.router?.isAlive === true ? running.router.url : undefined),
    usageOf: running.usageOf,
    killedAtMs: async () => Promise.race([running.router?.gone, sleep(1_000, undefined)]),
  });
  const shop = openShop(running, payer, running.random.fork());
  const step = HABITS[habit]?.(shop);
  if (step === undefined) throw new RangeError(`no such habit: ${habit}`);
  return { payer, step };
}

function openShop({ lane, purse }: Running, payer: Payer, random: Random): Shop {
  const faucet = (sat: number, amounts?: readonly number[]): Promise<string> =>
    lane.mint.command<string>('faucet', { amount: sat, ...(amounts && { amounts }) });
  return {
    payer,
    random,
    async buy(sat, amounts) {
      const token = await faucet(sat, amounts);
      payer.buy(token, sat);
      return token;
    },
    async buyOverlapping(sat) {
      const whole = await faucet(3 * sat, [sat, sat, sat].flatMap(powers));
      const coins = purse.coinsOf(whole).map(({ proof }) => proof);
      const third = coins.length / 3;
      payer.buy(whole, 3 * sat);
      const tokenOf = (proofs: typeof coins): string =>
        getEncodedToken({ mint: lane.mintUrl, proofs, unit: 'sat' });
      return [
        tokenOf(coins.slice(0, 2 * third)),
        tokenOf([...coins.slice(0, third), ...coins.slice(2 * third)]),
      ];
    },
  };
}

/** The powers of two that make a number. */
function powers(sat: number): number[] {
  return Array.from({ length: 20 }, (_, order) => 2 ** order).filter(
    (power) => (sat & power) !== 0,
  );
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

/** While the router is down a payer takes one of its tokens to its own wallet. */
async function spendElsewhere(
  { purse, random }: Running,
  customers: readonly Customer[],
): Promise<void> {
  const { payer } = random.pick(customers);
  if (payer.tokens.size === 0) return;
  const coins = purse.coinsOf(random.pick([...payer.tokens]));
  const states = await purse.states(coins.map(({ y }) => y));
  const unspent = coins.filter((_, index) => states[index] === 'UNSPENT');
  if (unspent.length === 0) return;
  const { sat, token } = await purse.receive(unspent);
  const worth = unspent.reduce((sum, { proof }) => sum + Number(proof.amount.toString()), 0);
  payer.buy(token, 0);
  payer.bill.least += (worth - sat) * 1000;
  payer.bill.most += (worth - sat) * 1000;
}

/** The mint behaves again, and nothing that it was late with is still to come. */
async function settle(lane: Lane): Promise<void> {
  await lane.mint.command('releaseStuck');
  await sleep(MAX_DELAY_MS);
}
