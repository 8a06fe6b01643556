import { openLink } from '../link.ts';
import type { UpstreamOptions } from '../options.ts';
import type { Account } from './account.ts';
import type { NodeWay } from './node-client.ts';

/** How the nodes are reached at which money lies, also those that nothing is bought from any more. */
export interface Ways {
  /** A node is bought from at this URL. */
  enter(node: string, baseUrl: string, way: NodeWay): void;
  /** It is bought from no more: its connections are being closed. */
  leave(node: string, way: NodeWay): void;
  to(account: Account): NodeWay;
  close(): Promise<void>;
}

const TIMEOUTS = { connectMs: 10_000, idleMs: 15_000 };
/** Links of our own; the oldest gives way. */
const MAX_LINKS = 64;

export function createWays(pool: UpstreamOptions['pool']): Ways {
  const current = new Map<string, { readonly baseUrl: string; readonly way: NodeWay }>();
  const own = new Map<string, NodeWay>();

  const openOwn = (baseUrl: string): NodeWay => {
    const known = own.get(baseUrl);
    if (known !== undefined) return known;
    const way = openLink({ baseUrl, pool, timeouts: TIMEOUTS });
    own.set(baseUrl, way);
    for (const [oldest, { link }] of own) {
      if (own.size <= MAX_LINKS) break;
      own.delete(oldest);
      // Not `destroy`: a call may be under way. It ends by its own timeout.
      void link.pool.close();
    }
    return way;
  };

  return {
    enter: (node, baseUrl, way) => current.set(node, { baseUrl, way }),
    leave(node, way) {
      // It may be bought from at another URL already.
      if (current.get(node)?.way === way) current.delete(node);
    },
    to({ row }) {
      const now = current.get(row.node);
      if (now === undefined) return openOwn(row.base_url);
      // A node that has moved may know the token at its new address too.
      const isMoved = now.baseUrl !== row.base_url;
      return isMoved && row.attempts % 2n === 0n ? openOwn(row.base_url) : now.way;
    },
    async close() {
      await Promise.all([...own.values()].map(({ link }) => link.pool.destroy()));
    },
  };
}
