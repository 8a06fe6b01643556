import { hostOf } from './hosts.ts';
import type { KnownNode } from './known-node.ts';
import type { MarketNode, NodeHealth } from './market-node.ts';
import { plainId, withIds } from './node-ids.ts';
import type { Trust } from './trust/trust.ts';
import type { Watch } from './watch/watch.ts';
import type { NodeFindings } from './watch/watched-node.ts';

/** All nodes, as what was announced, what they answered and how far they are trusted make them. */
export interface Market {
  /** The same array until `refresh` finds a change. */
  nodes(): readonly MarketNode[];
  /** What is known of the nodes of a key. */
  known(pubkey: string): readonly KnownNode[];
  /** By id, public key in hex, or URL. */
  node(name: string): MarketNode | undefined;
  /** Replaces all that is known; in the order in which it was first seen. */
  setKnown(known: readonly KnownNode[]): void;
  /** Something about the nodes of this key has changed. */
  touch(pubkey: string): void;
  /** Does a part of what `refresh` would, for so many keys at most. Returns whether there is more. */
  prepare(keys: number): boolean;
  /** Brings the nodes up to date; cheap where little has changed. Returns whether they changed. */
  refresh(): boolean;
}

export interface MarketParts {
  readonly watch: Pick<Watch, 'findings'>;
  readonly trust: Pick<Trust, 'standing' | 'setLinked' | 'setHosts'>;
}

const NEVER_ASKED: NodeHealth = {
  latencyMs: undefined,
  answeredAtMs: 0,
  failures: 0,
  checkedAtMs: 0,
};

export function createMarket(parts: MarketParts): Market {
  const { watch, trust } = parts;
  let known: readonly KnownNode[] = [];
  let knownOf = new Map<string, KnownNode[]>();
  const built = new Map<KnownNode, MarketNode>();
  const touched = new Set<string>();
  let nodes: readonly MarketNode[] = [];
  let byName: ReadonlyMap<string, MarketNode> | undefined;
  let isStale = false;

  const tellTrust = (pubkey: string): void => {
    const own = knownOf.get(pubkey) ?? [];
    const isLinked = own.some(({ d }) => watch.findings(pubkey, d)?.link === 'linked');
    trust.setLinked(pubkey, isLinked);
  };
  const rebuild = (pubkeys: readonly string[]): void => {
    for (const pubkey of pubkeys) touched.delete(pubkey);
    // Trust may touch keys in its turn: before the standings are read.
    for (const pubkey of pubkeys) tellTrust(pubkey);
    for (const pubkey of pubkeys) {
      for (const node of knownOf.get(pubkey) ?? []) built.set(node, build(node, parts));
    }
    isStale = true;
  };
  return {
    nodes: () => nodes,
    known: (pubkey) => knownOf.get(pubkey) ?? [],
    node: (name) => (byName ??= namesOf(nodes)).get(name),
    setKnown(next) {
      known = next;
      knownOf = new Map();
      const gone = new Set(built.keys());
      const renewed = new Set<string>();
      for (const node of next) {
        const own = knownOf.get(node.pubkey);
        if (own === undefined) knownOf.set(node.pubkey, [node]);
        else own.push(node);
        if (!gone.delete(node)) renewed.add(node.pubkey);
      }
      for (const node of gone) {
        built.delete(node);
        renewed.add(node.pubkey);
      }
      for (const pubkey of renewed) {
        trust.setHosts(pubkey, hostsOf(knownOf.get(pubkey) ?? []));
        touched.add(pubkey);
      }
    },
    touch: (pubkey) => void touched.add(pubkey),
    prepare(keys) {
      rebuild([...touched].slice(0, keys));
      return touched.size > 0;
    },
    refresh() {
      while (touched.size > 0) rebuild([...touched]);
      if (!isStale) return false;
      isStale = false;
      nodes = withIds(known.flatMap((node) => built.get(node) ?? []));
      byName = undefined;
      return true;
    },
  };
}

function build(node: KnownNode, { watch, trust }: MarketParts): MarketNode {
  const found = watch.findings(node.pubkey, node.d) ?? notAsked(node);
  const id = plainId(found.url);
  return {
    id,
    pubkey: node.pubkey,
    d: node.d,
    name: node.name === '' ? id : node.name,
    about: node.about,
    version: found.version ?? node.version,
    url: found.url,
    urls: node.urls,
    mints: found.mints ?? node.mints,
    announcedAt: node.createdAt,
    link: found.link,
    health: found.health,
    standing: trust.standing(node.pubkey),
    models: found.models,
  };
}

function notAsked({ urls }: KnownNode): NodeFindings {
  return {
    url: urls[0] ?? '',
    link: 'unchecked',
    mints: undefined,
    version: undefined,
    health: NEVER_ASKED,
    models: undefined,
    modelsAtMs: 0,
  };
}

function hostsOf(nodes: readonly KnownNode[]): readonly string[] {
  const hosts = new Set<string>();
  for (const { urls } of nodes) for (const url of urls) hosts.add(hostOf(url));
  return [...hosts];
}

/** Of several under one name the first that is linked, else the first. */
function namesOf(nodes: readonly MarketNode[]): ReadonlyMap<string, MarketNode> {
  const names = new Map<string, MarketNode>();
  const inOrder = [...nodes].toSorted(
    (one, other) => Number(other.link === 'linked') - Number(one.link === 'linked'),
  );
  for (const node of inOrder) {
    for (const name of [node.pubkey, node.url, ...node.urls]) {
      if (!names.has(name)) names.set(name, node);
    }
  }
  for (const node of nodes) names.set(node.id, node);
  return names;
}
