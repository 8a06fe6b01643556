import { existsSync } from 'node:fs';

import type { Config } from '../config.ts';
import type { DiscoveryConfig } from '../config/discovery.ts';
import { createDiscovery } from '../discovery/discovery.ts';
import type { Discovery } from '../discovery/discovery.ts';
import { createGuard } from '../discovery/guard/guard.ts';
import type { MarketNode } from '../discovery/market-node.ts';
import { systemClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { databaseUrl, SCHEMAS } from '../money.ts';
import { openStore } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import { nodeRisks } from '../upstream/routstr/account-row.ts';
import { fundedMints } from '../wallet/coins.ts';
import { trustFileOf } from './market.ts';

/** A node, and what a router of this configuration has to do with it. */
export interface NodeView extends MarketNode {
  /** Msat given to it that it has not earned or returned. */
  readonly atRiskMsat: bigint;
  /** Why nothing is bought from it; undefined when it is a candidate. */
  readonly unused: string | undefined;
}

/**
 * What the database knows of nodes, read beside a running router; nobody is asked anything. Undefined where there is no database
 * yet. `find`: as `Discovery.node`.
 */
export async function readMarket(
  config: Config,
  options: DiscoveryConfig,
  log: Log,
): Promise<readonly NodeView[] | undefined> {
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
    return await viewOf(config, options, { store, log });
  } finally {
    await store.close();
  }
}

async function viewOf(
  config: Config,
  options: DiscoveryConfig,
  { store, log }: { readonly store: Store; readonly log: Log },
): Promise<readonly NodeView[]> {
  const guard = createGuard({
    allowPrivate: options.allowPrivateAddresses,
    socksProxy: options.socksProxy,
  });
  const discovery: Discovery = createDiscovery({
    ...options,
    relays: [],
    directories: [],
    store,
    clock: systemClock,
    log,
    guard,
    ownPubkey: undefined,
    trustFile: trustFileOf(config),
  });
  await discovery.start();
  try {
    const risks = new Map(
      (await store.read(nodeRisks)).map(({ node, risk }) => [node, risk] as const),
    );
    const funded = new Set((await store.read(fundedMints)).map(({ url }) => url));
    return discovery.nodes().map((node) => ({
      ...node,
      atRiskMsat: risks.get(node.pubkey) ?? 0n,
      unused: unusedBecause(node, config, funded),
    }));
  } finally {
    await discovery.stop();
    await guard.close();
  }
}

/** In the order in which an operator would mend it. */
function unusedBecause(
  { link, standing, mints, models }: MarketNode,
  config: Config,
  funded: ReadonlySet<string>,
): string | undefined {
  if (standing.level === 'blocked') return 'blocked';
  if (link === 'conflict') return 'its address names another key';
  if (link !== 'linked' && link !== 'unlinked')
    return link === 'unchecked' ? 'not asked yet' : link;
  const common = mints.filter((mint) => config.mints.includes(mint));
  if (common.length === 0) return 'takes none of our mints';
  if (!common.some((mint) => funded.has(mint))) return 'no funds at its mints';
  if (standing.capSat === 0) return 'its cap is 0';
  return models === undefined ? 'its models are not known yet' : undefined;
}
