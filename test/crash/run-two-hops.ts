import { setTimeout as sleep } from 'node:timers/promises';

import { steadyPort } from '../support/steady-port.ts';
import { audit } from './audit.ts';
import { CAPITAL_SAT, createBuyerHome } from './buyer-home.ts';
import { collect } from './collect.ts';
import { createCustomers, spendElsewhere } from './customers.ts';
import type { Customer } from './customers.ts';
import { booksOf, createHome, removeHome } from './lane.ts';
import { BOUGHT_MIX, RESOLD } from './models.ts';
import type { Payer } from './payer.ts';
import { openPurse } from './purse.ts';
import type { Purse } from './purse.ts';
import { createRandom } from './random.ts';
import type { Random } from './random.ts';
import { accountsCount, recall } from './recall.ts';
import { loggedErrors, startRouter } from './router.ts';
import type { Router } from './router.ts';
import { settle } from './run-once.ts';
import type { RunParts, RunResult } from './run-once.ts';
import { createTwoHopPlan, PARTIES } from './two-hop-plan.ts';
import type { Party, TwoHopPhase } from './two-hop-plan.ts';

/** Asks of one payer in one phase; it ends long before. */
const MAX_STEPS = 60;
/** A router's breaker rests so long. */
const REST_MS = 5_000;
/** Swaps of the operator's capital, and what the mint takes around one token for the node: four swaps, and less than a sat twice. */
const START_SAT = 4;
const TOKEN_OVERHEAD_SAT = 10;

interface Running extends RunParts {
  readonly homes: Readonly<Record<Party, string>>;
  readonly sellerPort: number;
  readonly random: Random;
  readonly purse: Purse;
  readonly routers: Partial<Record<Party, Router>>;
  kills: number;
}

/**
 * One random run of two hops: payers pay a router that buys from a node, the mint misbehaves, both are killed and started again;
 * then the router calls its money back and all money is counted.
 */
export async function runTwoHops(parts: RunParts): Promise<RunResult> {
  const { lane, seed } = parts;
  const random = createRandom(seed);
  const plan = createTwoHopPlan(random.fork());
  const { fees } = await booksOf(lane);
  const sellerPort = await steadyPort();
  const homes = {
    seller: await createHome(lane),
    buyer: await createBuyerHome(lane, plan, sellerPort),
  };
  const purse = await openPurse(lane.mintUrl);
  const running: Running = { ...parts, homes, sellerPort, random, purse, routers: {}, kills: 0 };
  const router = (): Router | undefined => running.routers.buyer;
  const customers = createCustomers(
    { ...running, prices: RESOLD, models: BOUGHT_MIX, router },
    plan.payers,
  );
  const payers = customers.map(({ payer }) => payer);

  for (const phase of plan.phases) await live(running, phase, customers);
  const faults = [...(await windUp(running, payers))];
  const mintFees = async (): Promise<number> => (await booksOf(lane)).fees - fees;
  const found = await audit({
    homes: [homes.buyer, homes.seller],
    fundedSat: CAPITAL_SAT,
    payers,
    purse,
    feePpk: lane.feePpk,
    mintFees,
  });
  faults.push(...found.faults, ...lossFaults(running, payers, found.heldSat[0] ?? 0));
  if (faults.length === 0 || parts.sabotage !== undefined)
    await Promise.all(Object.values(homes).map(removeHome));
  return {
    faults,
    home: `${homes.buyer}, its node's: ${homes.seller}`,
    kills: running.kills,
    mintFaults: plan.phases.reduce((sum, phase) => sum + phase.faults.length, 0),
    requests: payers.reduce((sum, { bill }) => sum + bill.requests, 0),
    movedSat: found.movedSat,
    lostSat: found.lostSat,
  };
}

async function start(running: Running, party: Party, phase?: TwoHopPhase): Promise<void> {
  const { homes, routers, sellerPort } = running;
  if (routers[party]?.isAlive === true) return;
  const own = party === 'seller' ? { port: sellerPort } : { sabotage: running.sabotage };
  routers[party] = await startRouter(homes[party], { ...own, point: phase?.points[party] });
}

/** Both run until those die that are to; everybody notices. */
async function live(
  running: Running,
  phase: TwoHopPhase,
  customers: readonly Customer[],
): Promise<void> {
  const { lane, routers } = running;
  for (const fault of phase.faults) await lane.mint.command('addFault', fault);
  // A router that is started learns the models of a node that runs.
  const isOld = routers.buyer?.isAlive === true;
  for (const party of PARTIES) await start(running, party, phase);
  // Its node was dead: it tries again when it has left it alone for a while.
  if (isOld) await sleep(REST_MS);
  const dying = phase.dies.flatMap((party) => routers[party] ?? []);
  const hours = { areOver: false };
  const steps = customers.map(async ({ step }) => {
    for (let count = 0; count < MAX_STEPS; count += 1) {
      if (hours.areOver || routers.buyer?.isAlive !== true) return;
      await step();
    }
  });
  await Promise.race([sleep(phase.killAfterMs), ...dying.map(({ gone }) => gone)]);
  await Promise.all(dying.map((router) => router.kill()));
  running.kills += dying.length;
  await sleep(phase.aloneMs);
  hours.areOver = true;
  await Promise.all(steps);
  await lane.mint.command('clearFaults');
  if (phase.releases) await lane.mint.command('releaseStuck');
  if (phase.spendsElsewhere) await spendElsewhere(running, customers);
}

/** Nothing is killed any more: payers have their money back, then the router has its. Returns what went wrong. */
async function windUp(running: Running, payers: readonly Payer[]): Promise<readonly string[]> {
  const { lane, homes, routers } = running;
  await settle(lane);
  for (const party of PARTIES) await start(running, party);
  const faults = [...(await collect(payers))];
  faults.push(...(await stop(routers.buyer, 'router')));
  faults.push(...(await recall(homes.buyer)));
  faults.push(...(await stop(routers.seller, 'node')));
  for (const party of PARTIES)
    faults.push(...loggedErrors(homes[party]).map((line) => `the ${party} logged: ${line}`));
  return faults;
}

async function stop(router: Router | undefined, name: string): Promise<readonly string[]> {
  const code = await router?.stop();
  return code === 0 ? [] : [`the ${name} ended with ${code}`];
}

/** A router loses no more than what it paid for answers that its payers did not get to the end, and what mints take. */
function lossFaults({ homes }: Running, payers: readonly Payer[], heldSat: number): string[] {
  const unpaidMsat = payers.reduce((sum, { bill }) => sum + bill.unpaid, 0);
  const overheadSat = START_SAT + accountsCount(homes.buyer) * TOKEN_OVERHEAD_SAT;
  const least = CAPITAL_SAT - overheadSat - Math.ceil(unpaidMsat / 1000);
  return heldSat < least ? [`the router has ${heldSat} of ${CAPITAL_SAT} sat, not ${least}`] : [];
}
