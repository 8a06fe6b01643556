/** What the clients do during one sample. Plain data: it crosses a process border. */
export interface Job {
  readonly url: string;
  readonly path: string;
  readonly body: string;
  readonly connections: number;
  /** No request begins later than this; those in work are read to their end. */
  readonly ms: number;
  /** Header lines of a credential; connection i uses the i-th, again from the start. */
  readonly credentials?: readonly (readonly string[])[];
  /** Instead of `credentials`: each request pays with a token of its own, or with the change of the one before. */
  readonly pay?: 'fresh' | 'chain';
  /** For `pay`. */
  readonly tokens?: readonly string[];
  /** Connections begin one after the other over this time. */
  readonly spreadMs?: number;
  /** Between two requests of a connection. */
  readonly thinkMs?: number;
}

export interface JobResult {
  /** With status 200. */
  readonly answers: number;
  /** How many, by status or by error. */
  readonly failures: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** Milliseconds until the last byte, and until the first byte of the body. */
  readonly latency: Spread;
  readonly firstByte: Spread;
  /** Sum of what the answers say they cost. */
  readonly costMsat: number;
  /** Tokens that were given as change and not spent by the job. */
  readonly change: readonly string[];
  readonly tokensUsed: number;
}

export interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}
