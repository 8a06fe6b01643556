import type { Msat } from '../lib/amount.ts';
import type { Cancel } from '../lib/cancel.ts';
import type { ListedModel } from '../openai/model-list.ts';
import type { PriceSnapshot } from '../pricing/snapshot.ts';

export interface ForwardRequest {
  /** The bytes to send, already spliced for this upstream. */
  readonly body: Buffer;
  readonly stream: boolean;
  readonly requestId: string;
  /** Reset by the router when the answer's first byte is later than this, in ms. */
  readonly firstByteTimeoutMs: number;
  /** The upstream's own name of the model. */
  readonly model: string;
  /** The most this request can cost at the upstream's own prices: what a bought answer reserves there. */
  readonly maxCost: Msat;
  /** What the upstream asks of us, as far as we know: a bought answer's charge is checked against it. */
  readonly cost?: PriceSnapshot | undefined;
  /** How many routers it has passed already: told to upstreams that are routers themselves. */
  readonly hops: number;
  /** The listener is told what the payer is charged for it, when it has ended; not where that is nothing. */
  readonly onBilled?: (listener: (charge: Msat) => void) => void;
}

/** What an upstream that is paid with our own ecash tells about paying it. Synchronous: nothing is asked of anyone. */
export interface Buying {
  /** The most that one request may cost there now: our balance and funds there, within the exposure cap. Zero: nothing can be bought. */
  affordable(): Msat;
  /** Why `affordable()` is less than a request needs, in one of a few words: `no common mint`, `no funds`, `over its cap`, `blocked`. */
  why(): string;
  /** Mint fees and lost dust that a request costs beside the node's price, msat. */
  overhead(): Msat;
}

/** The live object we can send to. It never sees who pays. */
export interface Upstream {
  readonly id: string;
  /** What to do when the payer leaves mid-answer: abort upstream at once, or read it to its end. */
  readonly onPayerGone: 'cancel' | 'drain';
  /** Undefined where answers are not bought with ecash. */
  readonly buying: Buying | undefined;
  /** The upstream's own model list. Rejects with `UpstreamFailure`. */
  models(): Promise<readonly ListedModel[]>;
  /** Sends once. Resolves with the head of a 200 answer; rejects with `UpstreamFailure`. `cancel` closes the connection at once. */
  send(request: ForwardRequest, cancel: Cancel): Promise<UpstreamAnswer>;
  close(): Promise<void>;
}

/** A 200 answer. */
export interface UpstreamAnswer {
  readonly kind: 'json' | 'stream';
  /** Allow-listed response headers, names lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Pushes the body, in order. When `onChunk` returns a promise the upstream is paused until it resolves (backpressure).
   * Resolves at the end of a complete body; rejects with `UpstreamFailure` when it breaks, idles out or is cancelled.
   */
  relay(onChunk: (chunk: Buffer) => undefined | Promise<void>): Promise<void>;
}

/**
 * `unreachable` (nothing was sent or no answer came), `timeout`, `status` (a non-200 answer), `broken` (the body broke off),
 * `protocol` (200 with something that is no answer), `cancelled` (by us, after it was sent), `unaffordable` (nothing was sent: we
 * cannot or may not pay for it, or nobody wants it any more; the message says why: the words of `Buying.why`, `loop`, `given up`).
 */
export type FailureKind =
  | 'unreachable'
  | 'timeout'
  | 'status'
  | 'broken'
  | 'protocol'
  | 'cancelled'
  | 'unaffordable';

export class UpstreamFailure extends Error {
  override readonly name = 'UpstreamFailure';
  readonly kind: FailureKind;
  /** The upstream's status for `status`, else undefined. */
  readonly status: number | undefined;
  /** The upstream's error object (at most 16 kB were read), for 4xx that are the request's fault. */
  readonly body: unknown;
  readonly retryAfterS: number | undefined;

  constructor(
    kind: FailureKind,
    message: string,
    options: { cause?: unknown; status?: number; body?: unknown; retryAfterS?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.status = options.status;
    this.body = options.body;
    this.retryAfterS = options.retryAfterS;
  }
}
