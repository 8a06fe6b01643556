import type { OnChunk } from './body-flow.ts';
import type { Exchange, Link } from './exchange.ts';
import { UpstreamFailure } from './upstream.ts';

export interface BodyLimits {
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/** Reads a small body whole, or rejects with UpstreamFailure. */
export async function collect(link: Link, exchange: Exchange, limits: BodyLimits): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const deadline = link.deadlines.create(() =>
    exchange.stop(new UpstreamFailure('timeout', 'the body came too slowly')),
  );
  deadline.set(limits.timeoutMs);
  try {
    await exchange.relay(
      limited(limits.maxBytes, (chunk) => {
        pieces.push(chunk);
        return undefined;
      }),
    );
  } finally {
    deadline.clear();
  }
  return Buffer.concat(pieces);
}

/** Passes chunks on up to `maxBytes` in all, and throws UpstreamFailure beyond. */
export function limited(maxBytes: number, onChunk: OnChunk): OnChunk {
  let bytes = 0;
  return (chunk) => {
    bytes += chunk.length;
    if (bytes <= maxBytes) return onChunk(chunk);
    throw new UpstreamFailure('protocol', 'the body is too large');
  };
}
