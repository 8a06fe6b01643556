import { join } from 'node:path';

import Database from 'better-sqlite3';

import { loadConfig } from '../../src/config.ts';
import type { Config } from '../../src/config.ts';
import { silentLog } from '../../src/lib/log.ts';
import { checkBooks, openMoney } from '../../src/money.ts';
import type { Payer } from './payer.ts';
import { worthOf } from './purse.ts';
import type { Coin, Purse } from './purse.ts';

/** What stands against whom, in sat, after everything was collected. */
export interface Audit {
  readonly faults: readonly string[];
  /** Bought by the payers and put in by operators, less all that anybody can spend and what the mint took. */
  readonly lostSat: number;
  readonly movedSat: number;
  /** What each router has. */
  readonly heldSat: readonly number[];
}

export interface AuditParts {
  /** Of every router. */
  readonly homes: readonly string[];
  /** What operators put in. */
  readonly fundedSat?: number;
  readonly payers: readonly Payer[];
  readonly purse: Purse;
  readonly feePpk: number;
  /** What the mint took as fees since the run began. */
  readonly mintFees: () => Promise<number>;
}

/** Counts all money from outside of the stopped routers: what payers can spend, and what their operators can. */
export async function audit(parts: AuditParts): Promise<Audit> {
  const { payers, purse, homes, fundedSat = 0 } = parts;
  const faults = handedTwice(payers, purse);
  let held = 0;
  let bought = 0;
  for (const payer of payers) {
    bought += payer.bill.boughtSat;
    const coins = await spendable(payer, purse);
    faults.push(...billFaults(payer, worthOf(coins), parts.feePpk));
    held += await receive(coins, purse, payer.name, faults);
  }
  const heldSat: number[] = [];
  for (const home of homes) {
    const withdrawn = await withdraw(home, purse, faults);
    heldSat.push(withdrawn + (await leftInHouse(home, purse, faults)));
    faults.push(...(await bookFaults(home)));
  }
  held += heldSat.reduce((sum, sat) => sum + sat, 0);
  const lostSat = bought + fundedSat - held - (await parts.mintFees());
  if (lostSat !== 0) faults.push(`${lostSat} sat are with nobody`);
  return { faults, lostSat, movedSat: bought, heldSat };
}

/** A coin that came from the router has one payer. */
function handedTwice(payers: readonly Payer[], purse: Purse): string[] {
  const owners = new Map<string, string>();
  const faults: string[] = [];
  for (const { name, given } of payers) {
    for (const { y } of [...given].flatMap((token) => purse.coinsOf(token))) {
      const other = owners.get(y);
      if (other !== undefined && other !== name)
        faults.push(`a coin was handed to ${other} and to ${name}`);
      owners.set(y, name);
    }
  }
  return faults;
}

/** All coins this payer knows that the mint still takes. */
async function spendable({ tokens }: Payer, purse: Purse): Promise<readonly Coin[]> {
  const known = new Map<string, Coin>();
  for (const token of tokens) for (const coin of purse.coinsOf(token)) known.set(coin.y, coin);
  return purse.unspent([...known.values()]);
}

/** Each account may keep less than a sat; with fees also what its swaps cost, and change that is worth no more than its fee. */
function billFaults({ name, bill, presented }: Payer, leftSat: number, feePpk: number): string[] {
  const perAccount = feePpk === 0 ? 1_000 : 9_000;
  const spentMsat = (bill.boughtSat - leftSat) * 1000;
  const faults = bill.faults.map((fault) => `${name}: ${fault}`);
  if (spentMsat < bill.least)
    faults.push(`${name} paid ${spentMsat} msat for answers that cost ${bill.least}`);
  if (spentMsat > bill.most + presented.size * perAccount)
    faults.push(`${name} is short: paid ${spentMsat} msat for at most ${bill.most}`);
  return faults;
}

async function receive(
  coins: readonly Coin[],
  purse: Purse,
  name: string,
  faults: string[],
): Promise<number> {
  if (coins.length === 0) return 0;
  try {
    return (await purse.receive(coins)).sat;
  } catch (error) {
    faults.push(`${name} cannot spend its coins: ${String(error)}`);
    return 0;
  }
}

/** The operator takes all of the treasury out, as `nutroute wallet send` does. */
async function withdraw(home: string, purse: Purse, faults: string[]): Promise<number> {
  const money = await openMoney(configOf(home), silentLog);
  try {
    const [row] = await money.treasury.balance();
    if (row === undefined || row.sat === 0n) return 0;
    const token = await money.treasury.send(row.sat, undefined);
    return await receive(purse.coinsOf(token), purse, 'the operator', faults);
  } finally {
    await money.close();
  }
}

/** What the router cannot give to anybody (yet): less than accounts' fees. The mint must take these coins too. */
async function leftInHouse(home: string, purse: Purse, faults: string[]): Promise<number> {
  const database = new Database(join(home, 'nutroute.db'), { readonly: true });
  try {
    const rows = database
      .prepare<[], { y: Uint8Array; amount: number }>(
        `SELECT y, amount FROM coin WHERE state IN ('free', 'spending')`,
      )
      .all();
    const states = await purse.states(rows.map(({ y }) => Buffer.from(y).toString('hex')));
    const spent = states.filter((state) => state !== 'UNSPENT').length;
    if (spent > 0) faults.push(`${spent} coins in the house are not spendable`);
    return rows.reduce((sum, { amount }, at) => sum + (states[at] === 'UNSPENT' ? amount : 0), 0);
  } finally {
    database.close();
  }
}

async function bookFaults(home: string): Promise<readonly string[]> {
  const books = await checkBooks(configOf(home), silentLog);
  return books === undefined
    ? ['there is no database']
    : books.faults.map((fault) => `books: ${fault}`);
}

export function configOf(home: string): Config {
  const flags = { home, config: join(home, 'providers.json') };
  return loadConfig({ flags, env: {}, cwd: home });
}
