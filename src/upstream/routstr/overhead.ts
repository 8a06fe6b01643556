import type { Account } from './account.ts';

/** What a request costs beside the node's price, measured: mint fees on both sides, rounding and dust. */
export interface Overhead {
  /** An account of this node is over. */
  learn(account: Account): void;
  /** Msat per request; `guess` while nothing is known. */
  of(node: string, guess: bigint): bigint;
}

/** Weight of the newest account: 1 in so many. */
const SPAN = 5n;
const MAX_NODES = 10_000;

export function createOverhead(): Overhead {
  const known = new Map<string, bigint>();
  return {
    learn({ row, ownFeesMsat, roundingMsat }) {
      // What a node kept for itself is no overhead: trust judges that.
      if (row.state === 'lost' || row.requests === 0n) return;
      const latest = (row.lost_msat + ownFeesMsat + roundingMsat) / row.requests;
      const before = known.get(row.node);
      known.delete(row.node);
      known.set(row.node, before === undefined ? latest : before + (latest - before) / SPAN);
      for (const oldest of known.keys()) {
        if (known.size <= MAX_NODES) break;
        known.delete(oldest);
      }
    },
    of: (node, guess) => known.get(node) ?? guess,
  };
}
