import { existsSync } from 'node:fs';

import type { Config } from './config.ts';
import { loadCrypto } from './crypto/load.ts';
import { discoverySchema } from './discovery/schema.ts';
import { ledgerSchema } from './ledger/schema.ts';
import { msatOfSat } from './lib/amount.ts';
import { systemClock } from './lib/clock.ts';
import type { Clock } from './lib/clock.ts';
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
import type { UpstreamOptions } from './upstream/options.ts';
import { createPurchases } from './upstream/routstr/purchases.ts';
import type { Purchases, PurchasesOptions } from './upstream/routstr/purchases.ts';
import { upstreamSchema } from './upstream/schema.ts';
import { createMints } from './wallet/mints.ts';
import type { Mints } from './wallet/mints.ts';
import { walletSchema } from './wallet/schema.ts';
import { bindSeed } from './wallet/seed-binding.ts';
import { loadSeeds } from './wallet/seeds.ts';
import { createWallet } from './wallet/wallet.ts';

/** For tests that crash the router at a chosen point, or let time pass. */
export interface Seams {
  readonly openStore?: typeof openStore;
  /** Of everything that holds money; default: the system's. */
  readonly clock?: Clock;
}

export interface MoneyOptions extends Seams {
  /** Connections to nodes that we buy from no more, but that still have money of ours. Default: plain ones. */
  readonly pool?: UpstreamOptions['pool'];
  /** Hears how nodes give money back. */
  readonly observe?: PurchasesOptions['observe'];
}

/** Everything that holds money: the database, the wallet, the treasury and the rails. */
export interface Money {
  readonly store: Store;
  readonly mints: Mints;
  readonly treasury: Treasury;
  /** What lies at other nodes. */
  readonly purchases: Purchases;
  readonly cashu: CashuRail;
  /** Recovers what a crash left; from then on everything runs. */
  start(): ReturnType<CashuRail['start']>;
  close(): Promise<void>;
}

/** All tables, also those without money: a database is opened once. */
const SCHEMAS = [ledgerSchema, walletSchema, treasurySchema, upstreamSchema, discoverySchema];

/** Opens the database, the seed and the configured mints. Nothing runs yet. */
export async function openMoney(
  config: Config,
  log: Log,
  options: MoneyOptions = {},
): Promise<Money> {
  const crypto = loadCrypto();
  const seeds = await loadSeeds(config.home);
  if (seeds.notice !== undefined) log.warn({ event: 'seed_created' }, seeds.notice);
  log.info({ backend: crypto.backend }, `secp256k1 runs as ${crypto.backend}`);
  const store = await (options.openStore ?? openStore)({
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
  const clock = options.clock ?? systemClock;
  const mints = await createMints({ urls: config.mints, store, crypto, clock, log });
  const wallet = createWallet({ store, crypto, seeds, clock, log, mints });
  const parts = { store, wallet, crypto, seeds, clock, log };
  const treasury = createTreasury(parts);
  const purchases = createPurchases({
    store,
    treasury,
    clock,
    log,
    sealKey: seeds.storage,
    inputPpk: (url) => mints.byUrl(url)?.active('sat')?.ppk,
    pool: options.pool,
    observe: options.observe,
  });
  const cashu = createCashuRail({
    ...parts,
    bearerChange: config.payment.bearerChange,
    maxOpenPerMint: msatOfSat(BigInt(config.payment.maxOpenPerMintSat)),
  });
  return {
    store,
    mints,
    treasury,
    purchases,
    cashu,
    async start() {
      await treasury.start();
      const recovered = await cashu.start();
      await purchases.start();
      return recovered;
    },
    async close() {
      await purchases.stop();
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
  /** What all coins in the house are worth. */
  readonly coinsSat: bigint;
  /** What is ours and can be bought with: in the treasury, and at other nodes. */
  readonly capitalSat: bigint;
}

/** Checks the books of a database, also of a running router; undefined when there is none yet. */
export async function checkBooks(config: Config, log: Log): Promise<BooksReport | undefined> {
  return lookInto(config, log, async (store) => {
    const books = await store.read(booksOperation);
    const { faults, coinsSat, treasurySat } = books;
    const capitalSat = treasurySat + heldMsat(books) / 1000n;
    return { faults, coinsSat, capitalSat, summary: summaryOf(books) };
  });
}

/** Opens the database to be read only, also beside a running router, for as long as `look` takes; undefined when there is none yet. */
export async function lookInto<T>(
  config: Config,
  log: Log,
  look: (store: Store) => Promise<T>,
): Promise<T | undefined> {
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
    return await look(store);
  } finally {
    await store.close();
  }
}

function summaryOf(books: Books): string {
  const { purchasesMsat, lossesMsat } = books.bought;
  return [
    `${books.captured} requests charged ${books.revenueMsat} msat, ${books.owedMsat} msat owed to payers`,
    `${books.coinsSat} sat in coins (${books.treasurySat} sat ours)`,
    `${heldMsat(books)} msat at other nodes, ${purchasesMsat} msat spent there and ${lossesMsat} msat lost`,
    `${books.openSwaps} open swaps`,
  ].join(', ');
}

function heldMsat({ bought }: Books): bigint {
  return bought.atNodes.reduce((sum, { msat }) => sum + msat, 0n);
}

/** Where the store finds the database. */
function databaseUrl(config: Config): string {
  return `file:${config.database}`;
}
