import type { ListedModel } from '../openai/model-list.ts';
import type { Standing } from './standing.ts';

/**
 * What we know of a node's address. `unchecked`: not asked yet. `linked`: its `/v1/info` names the announcing key. `unlinked`: it
 * names none (older Routstr nodes). `conflict`: it names another key. `down`: it does not answer. `stale`: not for 14 days.
 */
export type Link = 'unchecked' | 'linked' | 'unlinked' | 'conflict' | 'down' | 'stale';

/** The surer it is that a node lives at an address, and that it is its own, the lower. */
export const LINK_RANKS: Readonly<Record<Link, number>> = {
  linked: 0,
  unlinked: 1,
  unchecked: 2,
  down: 3,
  stale: 4,
  conflict: 5,
};

export interface NodeHealth {
  /** EWMA of the time to an answer of `/v1/info`, ms; undefined while there was none. */
  readonly latencyMs: number | undefined;
  /** When it answered last, unix ms; 0: never. */
  readonly answeredAtMs: number;
  /** Checks in a row that failed. */
  readonly failures: number;
  readonly checkedAtMs: number;
}

/** A node that sells inference, as all sources together know it. Immutable. */
export interface MarketNode {
  /** Stable and for people: its URL without the scheme, as `node.example.com`. What payers name in `provider.only`. */
  readonly id: string;
  readonly pubkey: string;
  readonly d: string;
  readonly name: string;
  readonly about: string;
  readonly version: string | undefined;
  /** Where it is dialled. */
  readonly url: string;
  readonly urls: readonly string[];
  /** Canonical: of its `/v1/info` where it told, else announced. */
  readonly mints: readonly string[];
  /** Unix seconds of its announcement. */
  readonly announcedAt: number;
  readonly link: Link;
  readonly health: NodeHealth;
  readonly standing: Standing;
  /** Its last model list; undefined while it was not asked for. */
  readonly models: readonly ListedModel[] | undefined;
}
