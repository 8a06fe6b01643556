import type { ListedModel } from '../../openai/model-list.ts';
import type { Link, NodeHealth } from '../market-node.ts';

/** A node to watch, as announced; `(pubkey, d)` tells nodes apart. */
export interface WatchedNode {
  readonly pubkey: string;
  readonly d: string;
  /** Base URLs, canonical, best first. */
  readonly urls: readonly string[];
  /** Unix seconds of the announcement; a new one has its URLs checked again. */
  readonly announcedAt: number;
  /** Where no key announced it: the key that its URL has named. */
  readonly told?: string;
}

/** What asking a node has found. Immutable. */
export interface NodeFindings {
  /** The best of its URLs: the first that is linked, else unlinked, else not yet checked, else down. */
  readonly url: string;
  readonly link: Link;
  /** Of its `/v1/info`; undefined: it tells none there. */
  readonly mints: readonly string[] | undefined;
  readonly version: string | undefined;
  readonly health: NodeHealth;
  /** Undefined while they were not wanted, or not told. */
  readonly models: readonly ListedModel[] | undefined;
  /** When the list was read, unix ms; 0: never. */
  readonly modelsAtMs: number;
}
