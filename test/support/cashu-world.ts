import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Wallet as PayerWallet } from '@cashu/cashu-ts';

import { loadCrypto } from '../../src/crypto/load.ts';
import { startMint } from '../../src/demo/mint.ts';
import type { DemoMint, MintOptions } from '../../src/demo/mint.ts';
import { ledgerSchema } from '../../src/ledger/schema.ts';
import type { ChangeMode } from '../../src/ledger/sql.ts';
import { msat, msatOfSat } from '../../src/lib/amount.ts';
import type { Msat } from '../../src/lib/amount.ts';
import { createCancel } from '../../src/lib/cancel.ts';
import type { Cancel } from '../../src/lib/cancel.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createCashuRail } from '../../src/payment/cashu/rail.ts';
import type { CashuRail } from '../../src/payment/cashu/rail.ts';
import type { Credentials, Payment, PaymentEnd, Settlement } from '../../src/payment/rail.ts';
import type { Quote } from '../../src/pricing/quote.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Store } from '../../src/store/store.ts';
import { checkBooks } from '../../src/treasury/books.ts';
import { createTreasury } from '../../src/treasury/create-treasury.ts';
import { treasurySchema } from '../../src/treasury/schema.ts';
import type { Treasury } from '../../src/treasury/treasury.ts';
import { createMints } from '../../src/wallet/mints.ts';
import type { Mints } from '../../src/wallet/mints.ts';
import { walletSchema } from '../../src/wallet/schema.ts';
import { loadSeeds } from '../../src/wallet/seeds.ts';
import { createWallet } from '../../src/wallet/wallet.ts';
import { mortalStore } from './mortal-store.ts';
import type { Death } from './mortal-store.ts';

export interface WorldOptions {
  readonly mint?: MintOptions;
  readonly bearerChange?: ChangeMode;
  readonly clock?: Clock;
  readonly maxOpenPerMint?: Msat;
}

/** A payments-only router: real store, real wallet, the demo mint over HTTP; no upstream. */
export interface CashuWorld extends AsyncDisposable {
  readonly mint: DemoMint;
  rail: CashuRail;
  treasury: Treasury;
  store: Store;
  mints: Mints;
  /** Stops the router's parts and starts them again on the same home; with its seed alone where the database is lost. */
  restart(options?: { readonly databaseLost?: boolean }): Promise<void>;
  /** The router dies there, with whatever it is doing; `restart` brings it back. */
  dieAt(death: Death): void;
  /** Kills it now and starts it again. */
  kill(): Promise<void>;
  /** Every fault of the ledger, and of the ledger against the coins; empty when all is well. */
  faults(): Promise<readonly string[]>;
}

export async function cashuWorld(options: WorldOptions = {}): Promise<CashuWorld> {
  const home = await mkdtemp(join(tmpdir(), 'nutroute-world-'));
  const mint = await startMint(options.mint);
  const parts = async () => startParts(home, mint, options);
  let running = await parts();
  const world: CashuWorld = {
    mint,
    rail: running.rail,
    treasury: running.treasury,
    store: running.store,
    mints: running.mints,
    async restart({ databaseLost = false } = {}) {
      await running.stop();
      if (databaseLost) await rm(join(home, 'test.db'));
      running = await parts();
      const { rail, treasury, store, mints } = running;
      Object.assign(world, { rail, treasury, store, mints });
    },
    dieAt(death) {
      running.mortal.dieAt(death);
    },
    async kill() {
      running.mortal.die();
      await world.restart();
    },
    async faults() {
      return (await running.store.read(checkBooks)).faults;
    },
    async [Symbol.asyncDispose]() {
      await running.stop();
      await mint.close();
      await rm(home, { recursive: true });
    },
  };
  return world;
}

async function startParts(home: string, mint: DemoMint, options: WorldOptions) {
  const clock = options.clock ?? systemClock;
  const log = silentLog;
  const crypto = loadCrypto();
  const seeds = await loadSeeds(home);
  const mortal = mortalStore(
    await openStore({
      database: `file:${join(home, 'test.db')}`,
      schemas: [ledgerSchema, walletSchema, treasurySchema],
      log,
      onFatal: (cause) => {
        throw cause;
      },
    }),
  );
  const { store } = mortal;
  const mints = await createMints({ urls: [mint.url], store, crypto, log, clock });
  const wallet = createWallet({ store, crypto, seeds, clock, log, mints });
  const money = { store, wallet, crypto, seeds, clock, log };
  const treasury = createTreasury(money);
  const rail = createCashuRail({
    ...money,
    bearerChange: options.bearerChange ?? 'once',
    maxOpenPerMint: options.maxOpenPerMint ?? msatOfSat(1_000_000n),
  });
  await treasury.start();
  await rail.start();
  return {
    store,
    mints,
    rail,
    treasury,
    mortal,
    async stop() {
      await treasury.stop();
      await rail.stop();
      await mints.close();
      await store.close();
    },
  };
}

/** A quote of fixed size; `refined` is what an exact count would make of it. */
export function quoteOf(
  wanted: bigint,
  rest: { modest?: bigint; floor?: bigint; refined?: Quote } = {},
): Quote {
  const quote: Quote = {
    snapshot: {
      model: 'm',
      provider: 'p',
      inputPmsat: 0n,
      cachedInputPmsat: 0n,
      outputPmsat: 0n,
      reasoningPmsat: 0n,
      imagePmsat: 0n,
      requestPmsat: 0n,
      purchasePmsat: 0n,
      minimumPmsat: 0n,
      usdPmsat: undefined,
    },
    wanted: msat(wanted),
    modest: msat(rest.modest ?? wanted),
    floor: msat(rest.floor ?? wanted),
    outputTokensWithin: (held) => (held >= wanted ? undefined : Number(held / 1000n)),
    refine: () => Promise.resolve(rest.refined ?? quote),
  };
  return quote;
}

export interface PayOptions {
  readonly scheme?: 'bearer' | 'cashu' | 'x-cashu';
  readonly change?: string;
  readonly address?: string;
  readonly gone?: Cancel;
}

let requests = 0;

export function credentialsFor(token: string, options: PayOptions = {}): Credentials {
  const { scheme = 'bearer', change, address = '127.0.0.1' } = options;
  requests += 1;
  const credential =
    scheme === 'x-cashu'
      ? { 'x-cashu': token }
      : { authorization: `${scheme === 'bearer' ? 'Bearer' : 'Cashu'} ${token}` };
  const headers = { ...credential, ...(change === undefined ? {} : { 'x-cashu-change': change }) };
  return { headers, rawHeaders: [], address, requestId: `request-${requests}` };
}

/** Accepts a payment; rejects as the rail does. */
export async function accept(
  world: CashuWorld,
  token: string,
  quote: Quote,
  options: PayOptions = {},
): Promise<Payment> {
  const gone = options.gone ?? createCancel();
  const payment = await world.rail.accept(credentialsFor(token, options), quote, gone);
  if (payment === undefined) throw new Error('the rail saw no credential');
  return payment;
}

/** One whole request: held, charged, settled. */
export async function pay(
  world: CashuWorld,
  token: string,
  charge: bigint,
  options: PayOptions & { hold?: bigint; quote?: Quote; end?: Partial<PaymentEnd> } = {},
): Promise<Settlement> {
  const quote = options.quote ?? quoteOf(options.hold ?? 20_000n);
  const payment = await accept(world, token, quote, options);
  return payment.settle({
    charge: msat(charge),
    payerGone: false,
    error: undefined,
    ...options.end,
  });
}

/** An independent wallet, as a payer has it. */
export async function payerWallet(mint: DemoMint): Promise<PayerWallet> {
  const wallet = new PayerWallet(mint.url, { unit: 'sat' });
  await wallet.loadMint();
  return wallet;
}

/** Receives a token in an independent wallet; what came in, after the mint's fee. */
export async function receive(mint: DemoMint, token: string): Promise<bigint> {
  const wallet = await payerWallet(mint);
  const proofs = await wallet.receive(token);
  return proofs.reduce((sum, proof) => sum + BigInt(proof.amount.toString()), 0n);
}
