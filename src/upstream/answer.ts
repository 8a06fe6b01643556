import type { Exchange } from './exchange.ts';
import { answerHeaders, answerKind } from './headers.ts';
import { limited } from './small-body.ts';
import { UpstreamFailure } from './upstream.ts';
import type { UpstreamAnswer } from './upstream.ts';

/** Images in an answer can be large. */
const MAX_JSON_BYTES = 32 * 1024 * 1024;

/** What a 200 exchange says. Throws UpstreamFailure, the connection closed, when it is neither JSON nor an event stream. */
export function answerOf(exchange: Exchange, asksForStream: boolean): UpstreamAnswer {
  const kind = answerKind(exchange.headers, asksForStream);
  if (kind === undefined) {
    const failure = new UpstreamFailure('protocol', 'the upstream answered 200 with no answer');
    exchange.stop(failure);
    throw failure;
  }
  const headers = answerHeaders(exchange.headers);
  if (kind === 'stream') return { kind, headers, relay: exchange.relay };
  return { kind, headers, relay: (onChunk) => exchange.relay(limited(MAX_JSON_BYTES, onChunk)) };
}
