import type { Config } from '../config.ts';
import type { DiscoveryConfig } from '../config/discovery.ts';
import { ownPubkey } from '../discovery/announce/own-events.ts';
import { createDiscovery } from '../discovery/discovery.ts';
import { createGuard } from '../discovery/guard/guard.ts';
import type { MarketNode } from '../discovery/market-node.ts';
import { exposureCapSat } from '../discovery/trust/exposure.ts';
import { ceilToSat, msat } from '../lib/amount.ts';
import { systemClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { lookInto } from '../money.ts';
import type { Store } from '../store/store.ts';
import { nodeRisks } from '../upstream/routstr/node-sums.ts';
import { fundedMints } from '../wallet/coins.ts';
import { configuredNodes, trustFileOf } from './market.ts';

/** A node, and what a router of this configuration has to do with it. */
export interface NodeView extends MarketNode {
  /** Msat given to it that it has not earned or returned. */
  readonly atRiskMsat: bigint;
  /** Why nothing is bought from it; undefined when it is a candidate. */
  readonly unused: string | undefined;
}

/**
 * What the database knows of nodes, read beside a running router; nobody is asked anything and nothing is written. Undefined where
 * there is no database yet.
 */
export async function readMarket(
  config: Config,
  options: DiscoveryConfig,
  log: Log,
): Promise<readonly NodeView[] | undefined> {
  return lookInto(config, log, async (store) => viewOf(config, options, { store, log }));
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
  const discovery = createDiscovery({
    ...options,
    relays: [],
    directories: [],
    store,
    clock: systemClock,
    log,
    guard,
    ownPubkey: await store.read(ownPubkey),
    trustFile: trustFileOf(config),
  });
  try {
    await discovery.recall();
    const nodes = discovery.nodes();
    const risks = new Map(
      (await store.read(nodeRisks)).map(({ node, risk }) => [node, risk] as const),
    );
    const configured = configuredNodes(config);
    const funds = {
      mints: config.mints,
      funded: new Set((await store.read(fundedMints)).map(({ url }) => url)),
      unknownTotalSat: options.caps.unknownTotalSat,
      atUnknown: atUnknownNodes(
        nodes.filter(({ pubkey }) => !configured.has(pubkey)),
        risks,
      ),
    };
    return nodes.map((node) => {
      const atRiskMsat = risks.get(node.pubkey) ?? 0n;
      const names = [node.pubkey, ...node.urls].filter((name) => configured.has(name));
      const unused =
        names.length > 0
          ? configuredBecause(names.some((name) => discovery.isShunned(name)))
          : unusedBecause(node, atRiskMsat, funds);
      return { ...node, atRiskMsat, unused };
    });
  } finally {
    await discovery.stop();
    await guard.close();
  }
}

/** Msat at risk with all unknown nodes together. */
function atUnknownNodes(nodes: readonly MarketNode[], risks: ReadonlyMap<string, bigint>): bigint {
  const unknown = nodes.filter(({ standing }) => standing.level === 'unknown');
  const keys = new Set(unknown.map(({ pubkey }) => pubkey));
  return [...keys].reduce((sum, pubkey) => sum + (risks.get(pubkey) ?? 0n), 0n);
}

interface Funds {
  readonly mints: readonly string[];
  readonly funded: ReadonlySet<string>;
  readonly unknownTotalSat: number;
  readonly atUnknown: bigint;
}

function configuredBecause(isShunned: boolean): string {
  return isShunned
    ? 'blocked, and its entry in providers with it'
    : 'its entry in providers is used instead';
}

/** In the order in which an operator would mend it. */
function unusedBecause(node: MarketNode, atRisk: bigint, funds: Funds): string | undefined {
  return unfitBecause(node) ?? unpayableBecause(node, atRisk, funds) ?? unsoldBecause(node.models);
}

const UNFIT: Readonly<Partial<Record<MarketNode['link'], string>>> = {
  unchecked: 'not asked yet',
  conflict: 'its address names another key',
  down: 'it does not answer',
  stale: 'silent for 14 days',
};

function unfitBecause({ link, standing }: MarketNode): string | undefined {
  return standing.level === 'blocked' ? 'blocked' : UNFIT[link];
}

function unpayableBecause(
  { mints, standing }: MarketNode,
  atRisk: bigint,
  { mints: ours, funded, unknownTotalSat, atUnknown }: Funds,
): string | undefined {
  if (standing.capSat === 0) return 'its cap is 0';
  // What lies there already can be spent there.
  if (atRisk > 0n) return undefined;
  const common = mints.filter((mint) => ours.includes(mint));
  if (common.length === 0) return 'takes none of our mints';
  if (!common.some((mint) => funded.has(mint))) return 'no funds at its mints';
  const pool = { totalSat: unknownTotalSat, othersSat: Number(ceilToSat(msat(atUnknown))) };
  return exposureCapSat(standing, pool) > 0 ? undefined : 'unknown nodes have all they may';
}

function unsoldBecause(models: MarketNode['models']): string | undefined {
  if (models === undefined) return 'its models are not known yet';
  const isPriced = models.some(
    ({ satPerToken, usdPerToken }) => satPerToken !== undefined || usdPerToken !== undefined,
  );
  return isPriced ? undefined : 'it sells nothing with a price';
}
