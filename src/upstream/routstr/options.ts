import type { Msat } from '../../lib/amount.ts';
import type { ListedModel } from '../../openai/model-list.ts';
import type { Observation } from '../observation.ts';
import type { UpstreamOptions } from '../options.ts';
import type { Purchases } from './purchases.ts';

/** A node whose answers are bought with treasury coins. `baseUrl` with or without `/v1`; `apiKey` is not used. */
export interface RoutstrOptions extends UpstreamOptions {
  /** Key of its money in tables and books: its hex pubkey, or for a pinned node without one its origin. */
  readonly node: string;
  /** Canonical URLs of the mints that the node takes. */
  readonly mints: () => readonly string[];
  /** The most that may be at risk with it now; it may change at any time. */
  readonly capMsat: () => Msat;
  /** `balance`: money lies at the node for many requests. `request`: each request carries its own. */
  readonly buy: 'balance' | 'request';
  readonly purchases: Purchases;
  readonly observe: (observation: Observation) => void;
  /** A request that has passed so many routers is not bought. */
  readonly maxHops: number;
  /** What the node publishes of a model now; default: what `models()` told last. */
  readonly listed?: ((model: string) => ListedModel | undefined) | undefined;
}
