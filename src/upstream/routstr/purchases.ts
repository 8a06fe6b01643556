import type { Msat } from '../../lib/amount.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Store } from '../../store/store.ts';
import type { Observation } from '../observation.ts';
import type { UpstreamOptions } from '../options.ts';
import { takeReturned } from './account-row.ts';
import { closingOf, spendable } from './account.ts';
import type { Account } from './account.ts';
import { createAccounts } from './accounts.ts';
import { createBackground } from './background.ts';
import type { Capital } from './capital.ts';
import { createExposure } from './exposure.ts';
import type { Exposure } from './exposure.ts';
import { introduce } from './introduce.ts';
import { redeemFeeMsat } from './mint-fees.ts';
import type { InputPpk } from './mint-fees.ts';
import type { NodeWay } from './node-client.ts';
import { nodeTotals } from './node-sums.ts';
import { loadAccounts } from './open-account.ts';
import { createOverhead } from './overhead.ts';
import { createPurse } from './purse.ts';
import type { Purse, PurseTerms } from './purse.ts';
import { createSettlement } from './settlement.ts';
import type { Settlement, SettlementTerms } from './settlement.ts';
import { createSweeper } from './sweeper.ts';
import { createWays } from './ways.ts';

/** All our money at nodes; one per router. */
export interface Purchases {
  /** What counts against a node's cap: given out and neither charged nor back, charged beyond its own prices, and kept by it. */
  riskOf(node: string): Msat;
  /** Nodes with which something is at risk. */
  nodes(): readonly string[];
  /** By node, for people and the balance sheet. */
  totals(): Promise<readonly NodeTotals[]>;
  /** Our purse for a node that is bought from. */
  purse(terms: NodeTerms): NodePurse;
  /** A node is bought from no more. What lies there is still called back. */
  leave(node: string, way: NodeWay): void;
  /** Books what is over, then does once what is due: has money back, clears what is unclear. It runs by itself after `start`. */
  sweep(): Promise<void>;
  /** Has back what no request uses, at a node or at all; resolves when each account was asked for once. */
  recall(node?: string): Promise<void>;
  /** Reads what an earlier run left there; then sees to it for ever. */
  start(): Promise<void>;
  /** Nothing is asked of nodes any more; what has begun is written. */
  stop(): Promise<void>;
}

export interface NodePurse extends Purse, Settlement {}

export interface NodeTerms extends Omit<PurseTerms, 'introduce'>, SettlementTerms {
  readonly way: NodeWay;
}

/** Msat. `deposited` = `charged` + `returned` + `lost` + what the node still has. */
export interface NodeTotals {
  readonly node: string;
  readonly deposited: bigint;
  readonly charged: bigint;
  readonly returned: bigint;
  readonly lost: bigint;
  readonly atRisk: bigint;
}

export interface PurchasesOptions {
  readonly store: Store;
  readonly treasury: Capital;
  readonly clock: Clock;
  readonly log: Log;
  /** 32 bytes: change is sealed with it until it is swapped. */
  readonly sealKey: Uint8Array;
  /** Input fee of a configured mint's coins; undefined for all other mints. */
  readonly inputPpk: InputPpk;
  /** Connections to nodes that are no upstream any more. Default: a plain pool. */
  readonly pool?: UpstreamOptions['pool'];
  /** Hears how nodes give money back, also those that nothing is bought from any more. */
  readonly observe?: ((node: string, observation: Observation) => void) | undefined;
  readonly random?: () => number;
}

/** To be created before the treasury starts: it tells it what collected change writes. */
export function createPurchases(options: PurchasesOptions): Purchases {
  const { store, treasury: capital, clock, log, sealKey, inputPpk } = options;
  const onError = (error: unknown): void =>
    log.error({ err: error }, 'money at a node could not be seen to');
  const overhead = createOverhead();
  const background = createBackground(onError);
  const ways = createWays(options.pool);
  const exposure = createExposure((account) => overhead.learn(account));
  const accounts = createAccounts({ exposure, store, clock, log });
  const parts = {
    exposure,
    accounts,
    store,
    capital,
    clock,
    log,
    sealKey,
    inputPpk,
    overhead,
    random: options.random ?? Math.random,
    redeemFeeMsat: (mint: string, token: string) => redeemFeeMsat(inputPpk, mint, token),
    wayTo: (account: Account) => ways.to(account),
    observe: (node: string, observation: Observation) => options.observe?.(node, observation),
    onError,
    inBackground: (work: () => Promise<void>) => background.run(work),
  };
  const sweeper = createSweeper(parts);
  const look = (account: Account): void => sweeper.look(account);
  const retire = (account: Account): void => {
    account.isRetired = true;
    look(account);
  };
  capital.onCollected(function* onCollected({ node, reference, grossSat }) {
    const account = exposure.of(node).find(({ row }) => row.id === reference);
    yield* takeReturned(reference, grossSat * 1000n, closingOf(account, clock.now()));
  });

  return {
    riskOf: (node) => exposure.riskOf(node),
    nodes: () => exposure.nodes(),
    async totals() {
      const rows = await store.read(nodeTotals);
      return rows.map((row) => ({ ...row, atRisk: exposure.riskOf(row.node) }));
    },
    purse(terms) {
      const { node, baseUrl, way } = terms;
      ways.enter(node, baseUrl, way);
      const meet = async (account: Account): Promise<void> =>
        introduce({ ...parts, retire }, account);
      const purse = createPurse({ ...parts, retire }, { ...terms, introduce: meet });
      const lookAndTidy = (account: Account): void => {
        purse.tidy();
        look(account);
      };
      return { ...purse, ...createSettlement({ ...parts, look: lookAndTidy }, terms) };
    },
    leave: (node, way) => ways.leave(node, way),
    sweep: async () => background.idle().then(async () => sweeper.sweep()),
    recall: async (node) => sweeper.recall(node),
    async start() {
      await loadAccounts(parts);
      for (const account of leftovers(exposure)) account.isRetired = true;
      sweeper.start();
    },
    async stop() {
      await background.idle();
      await sweeper.stop();
      await ways.close();
    },
  };
}

/** What requests of an earlier run left small beside another account at the same address: together it is room for larger ones. */
function leftovers(exposure: Exposure): readonly Account[] {
  const largest = new Map<string, Account>();
  for (const account of exposure.all()) {
    const place = `${account.row.node} ${account.row.base_url}`;
    const other = largest.get(place);
    if (other === undefined || spendable(account) > spendable(other)) largest.set(place, account);
  }
  const kept = new Set(largest.values());
  return exposure.all().filter((account) => !kept.has(account));
}
