import { existsSync } from 'node:fs';

import type { Config } from './config.ts';
import { loadCrypto } from './crypto/load.ts';
import { ledgerSchema } from './ledger/schema.ts';
import { msatOfSat } from './lib/amount.ts';
import { systemClock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import { createCashuRail } from './payment/cashu/rail.ts';
import type { CashuRail } from './payment/cashu/rail.ts';
import { openStore } from './store/open-store.ts';
import type { Store } from './store/store.ts';
import { checkBooks as booksOperation } from './treasury/books.ts';
import type { Books } from './treasury/books.ts';
import { createTreasury } from './treasury/create-treasury.ts';
import { treasurySchema } from './treasury/schema.ts';
import type { Treasury } from './treasury/treasury.ts';
import { createMints } from './wallet/mints.ts';
import type { Mints } from './wallet/mints.ts';
import { walletSchema } from './wallet/schema.ts';
import { bindSeed } from './wallet/seed-binding.ts';
import { loadSeeds } from './wallet/seeds.ts';
import { createWallet } from './wallet/wallet.ts';

/** For tests that crash the router at a chosen point. */
export interface Seams {
  readonly openStore?: typeof openStore;
}

/** Everything that holds money: the database, the wallet, the treasury and the rails. */
export interface Money {
  readonly store: Store;
  readonly mints: Mints;
  readonly treasury: Treasury;
  readonly cashu: CashuRail;
  /** Recovers what a crash left; from then on everything runs. */
  start(): ReturnType<CashuRail['start']>;
  close(): Promise<void>;
}

const SCHEMAS = [ledgerSchema, walletSchema, treasurySchema];

/** Opens the database, the seed and the configured mints. Nothing runs yet. */
export async function openMoney(config: Config, log: Log, seams: Seams = {}): Promise<Money> {
  const crypto = loadCrypto();
  const seeds = await loadSeeds(config.home);
  if (seeds.notice !== undefined) log.warn({ event: 'seed_created' }, seeds.notice);
  log.info({ backend: crypto.backend }, `secp256k1 runs as ${crypto.backend}`);
  const store = await (seams.openStore ?? openStore)({
    database: databaseUrl(config),
    schemas: SCHEMAS,
    log,
    onFatal(cause) {
      log.error(
        { err: cause },
        'the database failed; the process ends and recovers at its next start',
      );
      process.exit(1);
    },
  });
  if (!(await store.write(() => bindSeed(seeds.fingerprint), 'disk'))) {
    await store.close();
    throw new Error(`${config.database} belongs to another seed than the one in ${config.home}`);
  }
  const clock = systemClock;
  const mints = await createMints({ urls: config.mints, store, crypto, clock, log });
  const wallet = createWallet({ store, crypto, seeds, clock, log, mints });
  const parts = { store, wallet, crypto, seeds, clock, log };
  const treasury = createTreasury(parts);
  const cashu = createCashuRail({
    ...parts,
    bearerChange: config.payment.bearerChange,
    maxOpenPerMint: msatOfSat(BigInt(config.payment.maxOpenPerMintSat)),
  });
  return {
    store,
    mints,
    treasury,
    cashu,
    async start() {
      await treasury.start();
      return cashu.start();
    },
    async close() {
      await treasury.stop();
      await cashu.stop();
      await mints.close();
      await store.close();
    },
  };
}

export interface BooksReport {
  readonly faults: readonly string[];
  readonly summary: string;
}

/** Checks the books of a database, also of a running router; undefined when there is none yet. */
export async function checkBooks(config: Config, log: Log): Promise<BooksReport | undefined> {
  if (!existsSync(config.database)) return undefined;
  const store = await openStore({
    database: databaseUrl(config),
    schemas: SCHEMAS,
    log,
    readOnly: true,
    onFatal: (cause) => {
      throw cause;
    },
  });
  try {
    const books = await store.read(booksOperation);
    return { faults: books.faults, summary: summaryOf(books) };
  } finally {
    await store.close();
  }
}

function summaryOf(books: Books): string {
  const { atNodes, purchasesMsat, lossesMsat } = books.bought;
  const held = atNodes.reduce((sum, { msat }) => sum + msat, 0n);
  return [
    `${books.captured} requests charged ${books.revenueMsat} msat, ${books.owedMsat} msat owed to payers`,
    `${books.coinsSat} sat in coins (${books.treasurySat} sat ours)`,
    `${held} msat at other nodes, ${purchasesMsat} msat spent there and ${lossesMsat} msat lost`,
    `${books.openSwaps} open swaps`,
  ].join(', ');
}

function databaseUrl(config: Config): string {
  return `file:${config.database}`;
}
