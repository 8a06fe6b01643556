import type { Dispatcher, Pool } from 'undici';

import type { Upstream } from './upstream.ts';

/** What every kind of upstream is made from. */
export interface UpstreamOptions {
  readonly id: string;
  /** May have a path. */
  readonly baseUrl: string;
  readonly apiKey?: string | undefined;
  /** Further request headers, names lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly onPayerGone: Upstream['onPayerGone'];
  /** Makes the connections; default: a plain pool. For announced URLs it refuses private addresses at dial time. */
  readonly pool?: ((origin: string, options: Pool.Options) => Dispatcher) | undefined;
  readonly timeouts: { readonly connectMs: number; readonly idleMs: number };
}
