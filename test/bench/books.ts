import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { getTokenMetadata } from '@cashu/cashu-ts';
import Database from 'better-sqlite3';

import type { Books as MintBooks } from '../../src/demo/mint.ts';
import type { Stage } from './stage.ts';

/** One line of the check: what the payers or the mints say, and what the router's database says. */
export interface Check {
  readonly name: string;
  readonly expected: bigint;
  readonly found: bigint;
}

const BIN = fileURLToPath(new URL('../../src/bin.ts', import.meta.url));
const runFile = promisify(execFile);

/** Compares the router's ledger with what its payers were answered. */
export function checkLedger(stage: Stage): readonly Check[] {
  const { paid } = stage;
  const holds = readHolds(stage);
  const checks = [
    {
      name: 'captured holds = requests that were paid',
      expected: BigInt(paid.answers + paid.untold),
      found: holds.captured,
    },
    { name: 'holds still open', expected: 0n, found: holds.open },
  ];
  if (paid.untold > 0) return checks;
  const charged = { name: 'msat charged = sum of what the answers say', found: holds.charged };
  return [...checks, { ...charged, expected: BigInt(paid.costMsat) }];
}

/** Compares coins in the router and in payers' hands with what the mints have given out, and asks the doctor. */
export async function checkMints(stage: Stage): Promise<readonly Check[]> {
  const [first, other] = await Promise.all(
    [stage.mint, stage.otherMint].map((mint) => mint.command<MintBooks>('books')),
  );
  const outstanding = BigInt((first?.outstanding ?? 0) + (other?.outstanding ?? 0));
  const inHands = [...stage.paid.change, ...stage.paid.unused].reduce(
    (sum, token) => sum + BigInt(getTokenMetadata(token).amount.toString()),
    0n,
  );
  return [
    {
      name: 'sat at the mints = coins of the router + tokens of the payers',
      expected: outstanding,
      found: readCoins(stage) + inHands,
    },
    { name: 'faults found by nutroute doctor', expected: 0n, found: await doctorFaults(stage) },
  ];
}

function readHolds(stage: Stage): { captured: bigint; open: bigint; charged: bigint } {
  return query(
    stage,
    `SELECT coalesce(sum(state = 'captured'), 0) AS captured, coalesce(sum(charge_msat), 0) AS charged,
            coalesce(sum(state IN ('waiting', 'running')), 0) AS open FROM hold`,
  ) as { captured: bigint; open: bigint; charged: bigint };
}

function readCoins(stage: Stage): bigint {
  const { worth } = query(
    stage,
    `SELECT coalesce(sum(amount), 0) AS worth FROM coin WHERE state IN ('free', 'spending')`,
  ) as { worth: bigint };
  return worth;
}

function query(stage: Stage, sql: string): unknown {
  const database = new Database(join(stage.home, 'nutroute.db'), { readonly: true });
  try {
    return database.defaultSafeIntegers(true).prepare(sql).get();
  } finally {
    database.close();
  }
}

async function doctorFaults(stage: Stage): Promise<bigint> {
  const config = join(stage.home, 'providers.json');
  const args = [BIN, 'doctor', '--json', '--home', stage.home, '--config', config];
  // Exit 1 says that something is wrong; what, is on stdout all the same.
  const { stdout } = await runFile(process.execPath, args, {
    env: { ...process.env, UPSTREAM_KEY: 'bench' },
  }).catch((error: unknown) => error as { stdout: string });
  const { checks } = JSON.parse(stdout) as { checks: { ok: boolean; message: string }[] };
  for (const { ok, message } of checks) if (!ok) console.log(`doctor: ${message}`);
  return BigInt(checks.filter(({ ok }) => !ok).length);
}
