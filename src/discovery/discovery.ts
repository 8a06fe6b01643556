import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { pubkeyOf } from '../nostr/npub.ts';
import { createRelayLink } from '../nostr/relay-link.ts';
import type { RelayLink, RelayStatus } from '../nostr/relay-link.ts';
import { createVerifier } from '../nostr/verifier.ts';
import type { Verifier } from '../nostr/verifier.ts';
import type { Store } from '../store/store.ts';
import type { Announcement } from './announcement.ts';
import { directoryBody } from './directory.ts';
import type { DirectoryBody } from './directory.ts';
import type { DiscoveryParts } from './discovery-parts.ts';
import { createFeed } from './feed.ts';
import type { Feed } from './feed.ts';
import type { Guard } from './guard/guard.ts';
import { createKnocks } from './knocks.ts';
import type { MarketNode } from './market-node.ts';
import { createMarket } from './market.ts';
import { plainId } from './node-ids.ts';
import { createRegistry } from './registry/registry.ts';
import { createScout } from './scout.ts';
import type { Observation, Standing } from './standing.ts';
import { createTrust } from './trust/trust.ts';
import type { TrustOptions } from './trust/trust.ts';
import { createUpkeep } from './upkeep.ts';
import type { Upkeep } from './upkeep.ts';
import { createWatch } from './watch/watch.ts';

/** Finds nodes that sell inference, checks them, and says how far each is trusted. */
export interface Discovery {
  /** Every known node but our own, in the order they were first seen; the same array until something changes. */
  nodes(): readonly MarketNode[];
  /** By id, npub, public key in hex, or URL. */
  node(name: string): MarketNode | undefined;
  /** Model id as some nodes spell it -> canonical id. */
  aliases(): ReadonlyMap<string, string>;
  /** Something happened with a node. Counts for its standing at once. */
  observe(pubkey: string, observation: Observation): void;
  /** As of now; never waits. */
  standing(pubkey: string): Standing;
  /** What our own dealings alone say of a node; undefined while they say nothing. */
  judgement(pubkey: string): 'verified' | 'avoid' | undefined;
  /** Whether nothing more may be bought from a node that the configuration names (trust.ts). */
  isShunned(pubkey: string): boolean;
  /** Somebody may buy from this key: its models are asked for and kept up to date. Cheap. */
  want(pubkey: string): void;
  /** Asks a node now. Rejects for a name that no node has. */
  check(name: string): Promise<MarketNode>;
  /** Called at most every 250 ms, after `nodes` or `aliases` have changed. */
  onChange(listener: () => void): void;
  relays(): readonly RelayStatus[];
  /** The body of our `GET /v1/providers/`. */
  directory(includeJson: boolean): DirectoryBody;
  /**
   * Resolves when the nodes are known that can be bought from at once, for their models are stored; the others follow, in slices,
   * and then what relays tell. Never waits for a relay or a node.
   */
  start(): Promise<void>;
  /** Loads what is stored, instead of `start`, beside a router that runs: nobody is asked, and nothing is written. */
  recall(): Promise<void>;
  /** Hangs up and writes what is put off. */
  stop(): Promise<void>;
}

export interface DiscoveryOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly relays: readonly string[];
  /** URLs of others' `GET /v1/providers/`. */
  readonly directories: readonly string[];
  readonly anchors: readonly {
    readonly pubkey: string;
    readonly weight: number;
    readonly mayBlock: boolean;
  }[];
  readonly caps: TrustOptions['caps'];
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly pins: readonly { readonly pubkey: string; readonly capSat: number }[];
  /** The caller closes it. */
  readonly guard: Guard;
  /** Never bought from, and first in our own directory. */
  readonly ownPubkey: string | undefined;
  readonly trustFile: string;
  /** In [0, 1). */
  readonly random?: () => number;
}

const INFO_LIMITS = { maxBytes: 65_536, timeoutMs: 8_000, accept: 'application/nostr+json' };

export function createDiscovery(options: DiscoveryOptions): Discovery {
  const { ownPubkey, clock } = options;
  const parts = createParts(options);
  const { registry, watch, trust, market } = parts;
  const listeners: (() => void)[] = [];
  const upkeep = createUpkeep(parts, options, () => {
    for (const listener of listeners) listener();
  });
  const feed = openFeed(parts, options);
  const find = (name: string): MarketNode | undefined => {
    const checked = options.guard.check(name);
    return (
      market.node(pubkeyOf(name) ?? name) ?? (checked.ok ? market.node(checked.url) : undefined)
    );
  };
  return {
    nodes: () => market.nodes(),
    node: find,
    aliases: () => registry.aliases(),
    observe(pubkey, observation) {
      trust.observe(pubkey, observation);
      if (observation.kind === 'paid') watch.traffic(pubkey, true);
      if (observation.kind === 'failed') watch.traffic(pubkey, false);
    },
    standing: (pubkey) => trust.standing(pubkey),
    judgement: (pubkey) => trust.judgement(pubkey),
    isShunned: (pubkey) => trust.isShunned(pubkey),
    want(pubkey) {
      for (const { d } of market.known(pubkey)) watch.want(pubkey, d);
    },
    async check(name) {
      const node = find(name);
      if (node === undefined) throw new RangeError(`no node is known as ${name}`);
      await watch.check(node.pubkey, node.d);
      upkeep.refresh();
      const isSame = ({ pubkey, d }: MarketNode) => pubkey === node.pubkey && d === node.d;
      return market.nodes().find(isSame) ?? node;
    },
    onChange: (listener) => void listeners.push(listener),
    relays: () => feed.relays(),
    directory(includeJson) {
      const own = registry.announcements().filter(({ pubkey }) => pubkey === ownPubkey);
      const ownNodes = own.map((announcement) => ownNode(announcement, clock.now()));
      return directoryBody([...ownNodes, ...market.nodes()], includeJson);
    },
    ...lifeOf({ ...parts, upkeep, feed }, options.log),
  };
}

type Life = Pick<Discovery, 'start' | 'recall' | 'stop'>;

function lifeOf(parts: DiscoveryParts & { upkeep: Upkeep; feed: Feed }, log: Log): Life {
  const { registry, scout, watch, trust, upkeep, feed } = parts;
  let isStopped = false;
  let loading = Promise.resolve();
  const loadOthers = async (): Promise<void> => {
    try {
      await registry.start();
      await watch.start();
      await upkeep.start();
      if (!isStopped) feed.start();
    } catch (cause) {
      log.error(
        { event: 'nodes_not_loaded', err: cause },
        'stored nodes are missing; no relay is read',
      );
    }
  };
  return {
    async start() {
      const [sellers] = await Promise.all([watch.sellers(), trust.start(), scout.start()]);
      await registry.warmUp(sellers);
      upkeep.takeOverSome();
      await watch.warmUp();
      upkeep.refresh();
      loading = loadOthers();
    },
    async recall() {
      await Promise.all([registry.start(), trust.start(), scout.recall()]);
      upkeep.takeOver();
      await watch.recall();
      upkeep.refresh();
    },
    async stop() {
      isStopped = true;
      upkeep.stop();
      scout.stop();
      await loading;
      await feed.stop();
      await Promise.all([watch.stop(), trust.stop(), registry.stop()]);
    },
  };
}

function createParts(options: DiscoveryOptions): DiscoveryParts {
  const { store, clock, log, guard, anchors, random = Math.random } = options;
  const registry = createRegistry({
    store,
    clock,
    log,
    checkUrl: (url) => guard.check(url),
    anchors: anchors.map(({ pubkey }) => pubkey),
    relayCount: options.relays.length,
  });
  const knocks = createKnocks(clock);
  const watch = createWatch({ store, clock, log, guard, knocks, random });
  const trust = createTrust(options);
  const market = createMarket({ watch, trust });
  const scout = createScout({
    store,
    clock,
    log,
    guard,
    knocks,
    random,
    directories: options.directories,
    hints: () => registry.hints(),
    neighbours: () =>
      market
        .nodes()
        .filter(isNeighbour)
        .map(({ url }) => url),
    isSettled: (url) => ['linked', 'unlinked'].includes(market.node(url)?.link ?? ''),
  });
  return { registry, scout, watch, trust, market };
}

function isNeighbour({ link, standing }: MarketNode): boolean {
  return link === 'linked' && standing.level !== 'blocked';
}

function openFeed(parts: DiscoveryParts, options: DiscoveryOptions): Feed {
  const { clock, log, anchors, random = Math.random } = options;
  return createFeed({
    open: async () => openLinks(options, await createVerifier()),
    registry: parts.registry,
    knownKeys: () => keysToAskFor(parts),
    anchors: anchors.map(({ pubkey }) => pubkey),
    clock,
    log,
    random,
  });
}

function openLinks(options: DiscoveryOptions, verifier: Verifier): readonly RelayLink[] {
  const { clock, log, guard, random } = options;
  const fetchInfo = async (url: string): Promise<unknown> =>
    (await guard.getJson(url, INFO_LIMITS)).json;
  return options.relays.map((url) =>
    createRelayLink(url, {
      verifier,
      clock,
      log,
      fetchInfo,
      ...(random === undefined ? {} : { random }),
    }),
  );
}

/** Those that matter most first: nodes that live, nodes of which anchors speak, the others. */
function keysToAskFor({ market, registry, scout }: DiscoveryParts): readonly string[] {
  const linked = market.nodes().filter(({ link }) => link === 'linked');
  const keys = [
    ...linked.map(({ pubkey }) => pubkey),
    ...scout.found().map(({ told }) => told),
    ...registry.announcements().map(({ pubkey }) => pubkey),
  ];
  return [...new Set([...keys.slice(0, linked.length), ...registry.reviews().keys(), ...keys])];
}

/** Our own node, as our directory lists it. */
function ownNode(announcement: Announcement, nowMs: number): MarketNode {
  const url = announcement.urls[0] ?? '';
  return {
    ...announcement,
    id: plainId(url),
    url,
    announcedAt: announcement.createdAt,
    link: 'linked',
    health: { latencyMs: undefined, answeredAtMs: nowMs, failures: 0, checkedAtMs: nowMs },
    standing: { level: 'pinned', capSat: 0, weight: 1, why: ['it is our own'] },
    models: undefined,
  };
}
