import { createOpenAiUpstream } from './openai/openai-upstream.ts';
import type { UpstreamOptions } from './options.ts';
import { createRoutstrUpstream } from './routstr/routstr-upstream.ts';
import type { Upstream } from './upstream.ts';

export interface UpstreamKind {
  /** Opens no connection. Throws TypeError when `baseUrl` is no URL. */
  create(options: UpstreamOptions): Upstream;
}

/** The kinds of upstreams, by the names that providers.json uses. */
export const UPSTREAM_KINDS = {
  openai: { create: createOpenAiUpstream },
  routstr: { create: createRoutstrUpstream },
} as const satisfies Record<string, UpstreamKind>;
