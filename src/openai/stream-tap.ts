import type { ChunkMeta } from './last-chunk.ts';
import type { UpstreamError } from './upstream-error.ts';

export interface StreamTapOptions {
  /** Answers the request asked for (`n`). */
  readonly choices: number;
}

/**
 * Looks into an event stream while it is relayed, byte by byte as it came. Nothing comes out before the first real chunk, so
 * that until then another upstream can still be tried.
 */
export interface StreamTap {
  /** The bytes to forward now, perhaps none. Throws WireError when this is no chat stream. */
  push(chunk: Buffer): Buffer;
  /** To be called when the upstream's body ended: the bytes of a last event that lacks its blank line. */
  end(): Buffer;
  /** A chunk was seen: this upstream answers. */
  readonly sawChunk: boolean;
  /** A finish reason was seen for every choice. */
  readonly finished: boolean;
  /** `[DONE]` was seen; whatever follows is dropped. */
  readonly done: boolean;
  /** The error event that ended the stream, if one did; whatever follows is dropped. */
  readonly error: UpstreamError | undefined;
  /** The last usage object that was seen, as the upstream sent it. */
  readonly usage: Readonly<Record<string, unknown>> | undefined;
  /** What our own last chunk repeats. */
  readonly meta: ChunkMeta;
  /** Bytes returned so far: more than the tokens relayed can ever be. */
  readonly relayedBytes: number;
  /**
   * The texts relayed since the last call: content, reasoning, refusals, names and arguments of calls. Parses only now; call it
   * every few seconds at least, since at most 4 MiB are kept (beyond it `push` throws).
   */
  takeTexts(): readonly string[];
}

export declare function createStreamTap(options: StreamTapOptions): StreamTap;
