import { Pool } from 'undici';
import type { Dispatcher } from 'undici';

import { createDeadlines } from './deadlines.ts';
import type { Link } from './exchange.ts';
import type { UpstreamOptions } from './options.ts';

export type LinkOptions = Pick<UpstreamOptions, 'baseUrl' | 'pool' | 'timeouts'>;

/** A link to a server, and the path that its base URL has, without a trailing slash. Throws TypeError when that is no URL. */
export function openLink({ baseUrl, pool = plainPool, timeouts }: LinkOptions): {
  readonly link: Link;
  readonly path: string;
} {
  const { origin, pathname } = new URL(baseUrl);
  const dispatcher = pool(origin, {
    // A fixed number of connections would make the next request wait for a whole answer.
    connections: null,
    pipelining: 1,
    allowH2: false,
    connect: { timeout: timeouts.connectMs },
    // Ours are per phase and finer.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const link = { pool: dispatcher, deadlines: createDeadlines(), idleMs: timeouts.idleMs };
  return { link, path: pathname.replace(/\/+$/, '') };
}

function plainPool(origin: string, options: Pool.Options): Dispatcher {
  return new Pool(origin, options);
}
