import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { loadCrypto } from '../../../src/crypto/load.ts';
import { startMint } from '../../../src/demo/mint.ts';
import type { DemoMint, MintOptions } from '../../../src/demo/mint.ts';
import { ledgerSchema } from '../../../src/ledger/schema.ts';
import { msat, msatOfSat } from '../../../src/lib/amount.ts';
import { createCancel } from '../../../src/lib/cancel.ts';
import type { Cancel } from '../../../src/lib/cancel.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { openStore } from '../../../src/store/open-store.ts';
import { all, query } from '../../../src/store/operation.ts';
import type { Store } from '../../../src/store/store.ts';
import { checkBooks } from '../../../src/treasury/books.ts';
import { createTreasury } from '../../../src/treasury/create-treasury.ts';
import { treasurySchema } from '../../../src/treasury/schema.ts';
import type { Treasury } from '../../../src/treasury/treasury.ts';
import { UPSTREAM_KINDS } from '../../../src/upstream/kinds.ts';
import type { Observation } from '../../../src/upstream/observation.ts';
import { createPurchases } from '../../../src/upstream/routstr/purchases.ts';
import type { Purchases } from '../../../src/upstream/routstr/purchases.ts';
import { upstreamSchema } from '../../../src/upstream/schema.ts';
import type { ForwardRequest, Upstream } from '../../../src/upstream/upstream.ts';
import { createMints } from '../../../src/wallet/mints.ts';
import { walletSchema } from '../../../src/wallet/schema.ts';
import { loadSeeds } from '../../../src/wallet/seeds.ts';
import { createWallet } from '../../../src/wallet/wallet.ts';
import { createSimulatedClock } from '../../support/clock.ts';
import type { SimulatedClock } from '../../support/clock.ts';
import { mortalStore } from '../../support/mortal-store.ts';
import type { Death } from '../../support/mortal-store.ts';

/** A router that only buys: real store, wallet and treasury, the demo mint over HTTP. */
export interface BuyingWorld extends AsyncDisposable {
  readonly mint: DemoMint;
  readonly clock: SimulatedClock;
  treasury: Treasury;
  purchases: Purchases;
  store: Store;
  /** What was seen of nodes, in order. */
  readonly seen: Observation[];
  /** The most that may be at risk with a node, in sat; changes at any time. */
  capSat: bigint;
  upstream(baseUrl: string, more?: Partial<UpstreamTerms>): Upstream;
  /** Stops all parts and starts them again on the same home; the upstreams are gone. */
  restart(): Promise<void>;
  /** The process is killed when this statement is reached, or just after its commit. */
  dieAt(death: Death): void;
  /** Kills the process and starts it again. */
  kill(): Promise<void>;
  rows(): Promise<readonly AccountRow[]>;
  /** Everything wrong with the books, and with accounts against the books of their nodes. */
  faults(): Promise<readonly string[]>;
}

interface UpstreamTerms {
  readonly node: string;
  readonly buy: 'balance' | 'request';
  readonly mints: () => readonly string[];
  readonly onPayerGone: 'cancel' | 'drain';
}

export interface AccountRow {
  readonly id: bigint;
  readonly node: string;
  readonly kind: string;
  readonly state: string;
  readonly deposited_msat: bigint;
  readonly charged_msat: bigint;
  readonly returned_msat: bigint;
  readonly lost_msat: bigint;
  readonly disputed_msat: bigint;
  readonly reserved_msat: bigint;
  readonly attempts: bigint;
}

const ROWS = query<AccountRow>('SELECT * FROM node_account ORDER BY id');
const NODE_BOOKS = query<{ node: string; booked: bigint; lies: bigint }>(
  `SELECT node, sum(deposited_msat - charged_msat - returned_msat - lost_msat) AS lies,
     (SELECT coalesce(sum(amount_msat), 0) FROM entry WHERE credit = 'node:' || node_account.node)
     - (SELECT coalesce(sum(amount_msat), 0) FROM entry WHERE debit = 'node:' || node_account.node) AS booked
   FROM node_account GROUP BY node`,
);

export async function buyingWorld(
  options: {
    readonly fundSat?: number;
    readonly mint?: MintOptions;
    /** A mint that is there already, instead of one of its own. */
    readonly at?: DemoMint;
  } = {},
): Promise<BuyingWorld> {
  const home = await mkdtemp(join(tmpdir(), 'nutroute-buying-'));
  const mint = options.at ?? (await startMint(options.mint));
  const clock = createSimulatedClock();
  const sealKey = randomBytes(32);
  const seen: Observation[] = [];
  const parts = async () => startParts({ home, mint, clock, sealKey, seen });
  let running = await parts();
  const upstreams: Upstream[] = [];
  if (options.fundSat !== 0) await running.treasury.receive(mint.faucet(options.fundSat ?? 1000));
  const closeUpstreams = async (): Promise<void> => {
    await Promise.all(upstreams.splice(0).map((upstream) => upstream.close()));
  };
  const world: BuyingWorld = {
    mint,
    clock,
    treasury: running.treasury,
    purchases: running.purchases,
    store: running.store,
    seen,
    capSat: 500n,
    upstream(baseUrl, more = {}) {
      const upstream = UPSTREAM_KINDS.routstr.create({
        id: 'node',
        node: 'n1',
        baseUrl,
        buy: 'balance',
        mints: () => [mint.url],
        onPayerGone: 'cancel',
        capMsat: () => msatOfSat(world.capSat),
        purchases: running.purchases,
        observe: (observation) => world.seen.push(observation),
        maxHops: 2,
        timeouts: { connectMs: 1000, idleMs: 2000 },
        ...more,
      });
      upstreams.push(upstream);
      return upstream;
    },
    async restart() {
      await closeUpstreams();
      await running.stop();
      running = await parts();
      const { treasury, purchases, store } = running;
      Object.assign(world, { treasury, purchases, store });
    },
    dieAt: (death) => running.mortal.dieAt(death),
    async kill() {
      running.mortal.die();
      await world.restart();
    },
    rows: () => running.store.read(() => all(ROWS)),
    async faults() {
      const { faults } = await running.store.read(checkBooks);
      const nodes = await running.store.read(() => all(NODE_BOOKS));
      const wrong = nodes.filter(({ booked, lies }) => booked !== lies);
      return [...faults, ...wrong.map(({ node, booked, lies }) => `${node}: ${booked}, ${lies}`)];
    },
    async [Symbol.asyncDispose]() {
      await closeUpstreams();
      await running.stop();
      if (options.at === undefined) await mint.close();
      await rm(home, { recursive: true });
    },
  };
  return world;
}

async function startParts(place: {
  readonly home: string;
  readonly mint: DemoMint;
  readonly clock: SimulatedClock;
  readonly sealKey: Uint8Array;
  readonly seen: Observation[];
}) {
  const { home, mint, clock, sealKey, seen } = place;
  const log = silentLog;
  const crypto = loadCrypto();
  const seeds = await loadSeeds(home);
  const real = await openStore({
    database: `file:${join(home, 'test.db')}`,
    schemas: [ledgerSchema, walletSchema, treasurySchema, upstreamSchema],
    log,
    onFatal: (cause) => {
      throw cause;
    },
  });
  const mortal = mortalStore(real);
  const { store } = mortal;
  const mints = await createMints({ urls: [mint.url], store, crypto, log, clock });
  const wallet = createWallet({ store, crypto, seeds, clock, log, mints });
  const treasury = createTreasury({ store, wallet, crypto, seeds, clock, log });
  const purchases = createPurchases({
    store,
    treasury,
    clock,
    log,
    sealKey,
    inputPpk: (url) => mints.byUrl(url)?.active('sat')?.ppk,
    observe: (_node, observation) => seen.push(observation),
    random: () => 0.5,
  });
  await treasury.start();
  await wallet.start();
  await purchases.start();
  return {
    store,
    mortal,
    treasury,
    purchases,
    async stop() {
      await purchases.stop();
      await treasury.stop();
      await wallet.stop();
      await mints.close();
      await store.close();
    },
  };
}

/** A request that can cost `sat` at most. */
export function requestOf(sat: number, more: Partial<ForwardRequest> = {}): ForwardRequest {
  return {
    body: Buffer.from('{"model":"m","messages":[{"role":"user","content":"hi"}]}'),
    stream: false,
    requestId: 'r1',
    firstByteTimeoutMs: 3000,
    model: 'm',
    maxCost: msat(BigInt(Math.round(sat * 1000))),
    hops: 0,
    ...more,
  };
}

/** Sends, reads the answer to its end, and waits until it is booked. */
export async function buy(
  world: BuyingWorld,
  upstream: Upstream,
  request: ForwardRequest = requestOf(5),
  cancel: Cancel = createCancel(),
): Promise<string> {
  const answer = await upstream.send(request, cancel);
  const pieces: Buffer[] = [];
  await answer.relay((chunk) => {
    pieces.push(chunk);
    return undefined;
  });
  await settled(world);
  return Buffer.concat(pieces).toString();
}

/** What runs in the background has written what it had to. */
export async function settled(world: BuyingWorld): Promise<void> {
  await sleep(20);
  await world.purchases.sweep();
}

/** Sweeps again and again, time passing, until `isDone` or so many times. */
export async function sweepUntil(
  world: BuyingWorld,
  isDone: () => Promise<boolean>,
  times = 30,
): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    await settled(world);
    if (await isDone()) return;
    world.clock.advance(3_600_000);
  }
  throw new Error('it never came to that');
}
