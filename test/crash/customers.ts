import { setTimeout as sleep } from 'node:timers/promises';

import { getEncodedToken } from '@cashu/cashu-ts';

import { HABITS } from './habits.ts';
import type { Shop } from './habits.ts';
import type { Lane } from './lane.ts';
import { MIX } from './models.ts';
import type { Prices } from './models.ts';
import { createPayer } from './payer.ts';
import type { Payer } from './payer.ts';
import type { Purse } from './purse.ts';
import type { Random } from './random.ts';
import type { Router } from './router.ts';
import type { UsageOf } from './usage.ts';

/** A payer and what it is about to do next. */
export interface Customer {
  readonly payer: Payer;
  readonly step: () => Promise<void>;
}

export interface CustomersParts {
  readonly lane: Lane;
  readonly usageOf: UsageOf;
  readonly seed: number;
  readonly random: Random;
  readonly purse: Purse;
  readonly prices?: Prices;
  /** Default: what there is at a router that has the models. */
  readonly models?: readonly string[];
  /** The one that payers ask; undefined before it first runs. */
  readonly router: () => Router | undefined;
}

export function createCustomers(
  parts: CustomersParts,
  habits: readonly string[],
): readonly Customer[] {
  return habits.map((habit, index) => createCustomer(parts, habit, index));
}

function createCustomer(parts: CustomersParts, habit: string, index: number): Customer {
  const { router, seed, usageOf, prices } = parts;
  const payer = createPayer({
    name: `${habit}-${index}`,
    address: `127.0.${seed % 200}.${index + 2}`,
    routerUrl: () => (router()?.isAlive === true ? router()?.url : undefined),
    usageOf,
    prices,
    killedAtMs: async () => Promise.race([router()?.gone, sleep(1_000, undefined)]),
  });
  const step = HABITS[habit]?.(openShop(parts, payer, parts.random.fork()));
  if (step === undefined) throw new RangeError(`no such habit: ${habit}`);
  return { payer, step };
}

function openShop(parts: CustomersParts, payer: Payer, random: Random): Shop {
  const { lane, purse, models = MIX } = parts;
  const faucet = (sat: number, amounts?: readonly number[]): Promise<string> =>
    lane.mint.command<string>('faucet', { amount: sat, ...(amounts && { amounts }) });
  return {
    payer,
    random,
    models,
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

/** While nobody asks anything a payer takes one of its tokens to its own wallet. */
export async function spendElsewhere(
  { purse, random }: Pick<CustomersParts, 'purse' | 'random'>,
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
