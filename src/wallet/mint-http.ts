import { Pool } from 'undici';
import type { Dispatcher } from 'undici';

import { MintFailure } from './mint-failure.ts';

export interface MintRequest {
  readonly method: 'GET' | 'POST';
  /** Below the mint's URL, with a leading slash. */
  readonly path: string;
  readonly body?: Uint8Array;
  /** For the whole exchange, from now to the last byte. */
  readonly timeoutMs: number;
}

export interface MintAnswer {
  readonly status: number;
  readonly body: Uint8Array;
  readonly retryAfter: string | undefined;
}

/** HTTP to one mint: its own few connections, every exchange bounded in time and size, redirects never followed. */
export interface MintHttp {
  /**
   * Sends once. Rejects with MintFailure `unsent` when not a byte of the request was written, else `unknown` when no complete
   * answer came.
   */
  send(request: MintRequest): Promise<MintAnswer>;
  /** Ends all connections; what was under way fails as `unknown`. Idempotent. */
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 2000;
/** Below the 5 s after which uvicorn (nutshell) closes an idle connection: a swap must not race with that. */
const KEEP_ALIVE_MS = 3000;
/** One swap is in flight, besides it restores, checks and key refreshes. */
const MAX_CONNECTIONS = 4;
/** A thousand signatures with DLEQ are about 400 kB. */
const MAX_ANSWER_BYTES = 1_048_576;

export function createMintHttp(url: string): MintHttp {
  const base = new URL(url);
  const prefix = base.pathname.replace(/\/+$/, '');
  const pool = new Pool(base.origin, {
    allowH2: false,
    connections: MAX_CONNECTIONS,
    pipelining: 1,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    // `send` has one deadline for everything.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        const exchange = createExchange(request.timeoutMs, resolve, reject);
        pool.dispatch(optionsOf(request, prefix), exchange);
      }),
    async close() {
      if (!pool.destroyed) await pool.destroy();
    },
  };
}

function optionsOf(request: MintRequest, prefix: string): Dispatcher.DispatchOptions {
  return {
    method: request.method,
    path: prefix + request.path,
    headers: {
      accept: 'application/json',
      'user-agent': 'nutroute',
      ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: request.body ?? null,
  };
}

/** Follows one exchange; undici calls `onRequestStart` right before it writes, so a failure before it is known to be unsent. */
function createExchange(
  timeoutMs: number,
  resolve: (answer: MintAnswer) => void,
  reject: (failure: MintFailure) => void,
): Dispatcher.DispatchHandler {
  const chunks: Buffer[] = [];
  let size = 0;
  let status = 0;
  let retryAfter: string | undefined;
  let started: Dispatcher.DispatchController | undefined;
  let isOver = false;

  const fail = (message: string, cause?: unknown): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    const reason = started === undefined ? 'unsent' : 'unknown';
    const failure = new MintFailure(reason, message, { cause });
    reject(failure);
    started?.abort(failure);
  };
  const timer = setTimeout(() => fail('the mint did not answer in time'), timeoutMs);

  return {
    onRequestStart(controller) {
      // Timed out while it waited for a connection: it was called unsent and must stay so.
      if (isOver) controller.abort(new Error('timed out before it was sent'));
      else started = controller;
    },
    onResponseStart(_controller, statusCode, headers) {
      status = statusCode;
      const header = headers['retry-after'];
      retryAfter = typeof header === 'string' ? header : undefined;
    },
    onResponseData(_controller, chunk) {
      size += chunk.length;
      if (size > MAX_ANSWER_BYTES) fail('the mint answered too much');
      else chunks.push(chunk);
    },
    onResponseEnd() {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      resolve({ status, body: Buffer.concat(chunks), retryAfter });
    },
    onResponseError(_controller, error) {
      fail('the connection to the mint failed', error);
    },
  };
}
