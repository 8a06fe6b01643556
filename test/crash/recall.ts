import { setTimeout as sleep } from 'node:timers/promises';

import Database from 'better-sqlite3';

import { silentLog } from '../../src/lib/log.ts';
import { openMoney } from '../../src/money.ts';
import { configOf } from './audit.ts';

const DEADLINE_MS = 60_000;
const STEP_MS = 3_700_000;
const PAUSE_MS = 50;

/** What became of a router's money at its node, msat. */
interface NodeAccount {
  readonly id: number;
  readonly state: string;
  readonly deposited_msat: number;
  readonly charged_msat: number;
  readonly returned_msat: number;
  readonly lost_msat: number;
  readonly disputed_msat: number;
}

/**
 * The stopped router's money, without the router: hours pass in which it calls back all that lies at its node, which runs.
 * Returns what is wrong with what came of it, for a node that is honest.
 */
export async function recall(home: string): Promise<readonly string[]> {
  let aheadMs = 0;
  const clock = { now: () => Date.now() + aheadMs };
  const money = await openMoney(configOf(home), silentLog, { clock });
  try {
    await money.start();
    const deadline = Date.now() + DEADLINE_MS;
    while (accountsIn(home).some(isLive) && Date.now() < deadline) {
      aheadMs += STEP_MS;
      await money.purchases.sweep();
      await sleep(PAUSE_MS);
    }
  } finally {
    await money.close();
  }
  return accountsIn(home).flatMap(faultOf);
}

/** How many tokens the router ever gave to its node. */
export function accountsCount(home: string): number {
  return accountsIn(home).length;
}

function isLive({ state }: NodeAccount): boolean {
  return state !== 'closed' && state !== 'lost';
}

function faultOf(account: NodeAccount): string[] {
  const isWrong = account.state !== 'closed' || account.disputed_msat !== 0;
  return isWrong ? [`money at an honest node: ${JSON.stringify(account)}`] : [];
}

function accountsIn(home: string): readonly NodeAccount[] {
  const { database: file } = configOf(home);
  const database = new Database(file, { readonly: true });
  try {
    return database
      .prepare<[], NodeAccount>(
        `SELECT id, state, deposited_msat, charged_msat, returned_msat, lost_msat, disputed_msat FROM node_account`,
      )
      .all();
  } finally {
    database.close();
  }
}
