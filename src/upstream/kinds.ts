import { createOpenAiUpstream } from './openai/openai-upstream.ts';
import type { UpstreamOptions } from './options.ts';
import { createRoutstrUpstream } from './routstr/routstr-upstream.ts';
import type { Upstream } from './upstream.ts';

export interface UpstreamKind {
  /** Opens no connection. Throws TypeError when `baseUrl` is no URL. */
  create(options: UpstreamOptions): Upstream;
  /** Fields of a request that its prices include: what `refusePriceBearing` may let pass. */
  readonly pricedFields: ReadonlySet<string>;
}

/** The kinds of upstreams, by the names that providers.json uses. */
export const UPSTREAM_KINDS = {
  openai: { create: createOpenAiUpstream, pricedFields: new Set<string>() },
  routstr: { create: createRoutstrUpstream, pricedFields: new Set<string>() },
} as const satisfies Record<string, UpstreamKind>;
