import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

import type { Dispatcher } from 'undici';

import { GuardError } from './guard-error.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  /** Empty unless the status is 200. */
  readonly body: Buffer;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

const inflate = promisify(gunzip);

/** Sends one GET and reads the answer of a 200 up to `maxBytes`; ends the dispatcher in any case. Rejects with GuardError. */
export async function exchange(
  dispatcher: Dispatcher,
  request: { readonly path: string; readonly headers: Record<string, string> },
  bounds: { readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<Reply> {
  const { signal, maxBytes } = bounds;
  try {
    return await new Promise((resolve, reject) => {
      signal.throwIfAborted();
      signal.addEventListener('abort', () => reject(reasonOf(signal)), { once: true });
      const handler = createHandler(maxBytes, resolve, reject);
      dispatcher.dispatch({ ...request, method: 'GET', reset: true }, handler);
    });
  } catch (error) {
    if (error instanceof GuardError) throw error;
    throw new GuardError('unreachable', 'the connection failed', error);
  } finally {
    await dispatcher.destroy();
  }
}

function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error('aborted');
}

function createHandler(
  maxBytes: number,
  resolve: (reply: Reply) => void,
  reject: (error: Error) => void,
): Dispatcher.DispatchHandler {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let head: { status: number; headers: Headers } | undefined;
  return {
    onRequestStart() {},
    onResponseStart(_controller, status, headers) {
      // 1xx: the answer is still to come.
      if (status < 200) return;
      head = { status, headers };
      if (status !== 200) resolve({ ...head, body: Buffer.alloc(0) });
    },
    onResponseData(_controller, chunk) {
      bytes += chunk.length;
      if (bytes > maxBytes) reject(new GuardError('too_large', 'the answer is too large'));
      else chunks.push(chunk);
    },
    onResponseEnd() {
      if (head !== undefined) resolve({ ...head, body: Buffer.concat(chunks) });
    },
    onResponseError(_controller, error) {
      reject(error);
    },
  };
}

/** The JSON of a 200; undefined for another status. Never inflates to more than `maxBytes`. Rejects with GuardError. */
export async function jsonOf(reply: Reply, maxBytes: number): Promise<unknown> {
  if (reply.status !== 200) return undefined;
  const text = await plainOf(reply, maxBytes);
  try {
    const json: unknown = JSON.parse(text.toString('utf8'));
    return json;
  } catch (cause) {
    throw new GuardError('malformed', 'the answer is no JSON', cause);
  }
}

async function plainOf({ headers, body }: Reply, maxBytes: number): Promise<Buffer> {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return body;
  if (encoding !== 'gzip') throw new GuardError('malformed', 'the answer has a strange encoding');
  try {
    return await inflate(body, { maxOutputLength: maxBytes });
  } catch (cause) {
    throw new GuardError('too_large', 'the answer does not inflate within its limit', cause);
  }
}
