import { Pool } from 'undici';
import type { Dispatcher } from 'undici';

import { createCancel } from '../../lib/cancel.ts';
import type { Cancel } from '../../lib/cancel.ts';
import { parseJson } from '../../openai/json-object.ts';
import { readModels } from '../../openai/model-list.ts';
import type { ListedModel } from '../../openai/model-list.ts';
import { readUpstreamError } from '../../openai/upstream-error.ts';
import { createDeadlines } from '../deadlines.ts';
import type { UpstreamOptions } from '../options.ts';
import { UpstreamFailure } from '../upstream.ts';
import type { ForwardRequest, Upstream, UpstreamAnswer } from '../upstream.ts';
import type { OnChunk } from './body-flow.ts';
import type { Exchange, Link } from './exchange.ts';
import { openExchange } from './exchange.ts';
import { retryAfterOf } from './failure.ts';
import { answerHeaders, answerKind, headerOf, requestHeaders } from './headers.ts';

/** Images in an answer can be large. */
const MAX_JSON_BYTES = 32 * 1024 * 1024;
const MAX_ERROR_BYTES = 16 * 1024;
const ERROR_TIMEOUT_MS = 5000;
const MAX_LIST_BYTES = 16 * 1024 * 1024;
const LIST_TIMEOUT_MS = 15_000;

/** Any server that speaks OpenAI's chat completions: OpenAI, OpenRouter, vLLM, Ollama, llama.cpp and their like. */
export function createOpenAiUpstream(options: UpstreamOptions): Upstream {
  const { id, apiKey, onPayerGone, timeouts } = options;
  const { origin, pathname } = new URL(options.baseUrl);
  const base = pathname.replace(/\/+$/, '');
  const pool = (options.pool ?? plainPool)(origin, {
    // A fixed number of connections would make the next request wait for a whole answer.
    connections: null,
    pipelining: 1,
    allowH2: false,
    connect: { timeout: timeouts.connectMs },
    // Ours are per phase and finer.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const link: Link = { pool, deadlines: createDeadlines(), idleMs: timeouts.idleMs };
  const headers = requestHeaders(options);
  const secrets = apiKey === undefined ? [] : [apiKey];

  return {
    id,
    onPayerGone,
    buying: undefined,
    async send(request: ForwardRequest, cancel: Cancel): Promise<UpstreamAnswer> {
      const { body, stream, firstByteTimeoutMs } = request;
      const exchange = await openExchange(
        link,
        {
          method: 'POST',
          path: `${base}/chat/completions`,
          headers: stream ? headers.stream : headers.json,
          body,
          firstByteTimeoutMs,
        },
        cancel,
      );
      if (exchange.status !== 200) throw await refusalOf(link, exchange, secrets);
      return answerOf(exchange, stream);
    },
    async models(): Promise<readonly ListedModel[]> {
      const exchange = await openExchange(
        link,
        {
          method: 'GET',
          path: `${base}/models`,
          headers: headers.list,
          body: null,
          firstByteTimeoutMs: LIST_TIMEOUT_MS,
        },
        createCancel(),
      );
      if (exchange.status !== 200) throw await refusalOf(link, exchange, secrets);
      const limits = { maxBytes: MAX_LIST_BYTES, timeoutMs: LIST_TIMEOUT_MS };
      const json = parseJson((await collect(link, exchange, limits)).toString());
      if (json === undefined) throw new UpstreamFailure('protocol', 'the model list is no JSON');
      return readModels(json);
    },
    close: () => pool.destroy(),
  };
}

function plainPool(origin: string, options: Pool.Options): Dispatcher {
  return new Pool(origin, options);
}

function answerOf(exchange: Exchange, asksForStream: boolean): UpstreamAnswer {
  const kind = answerKind(exchange.headers, asksForStream);
  if (kind === undefined) {
    const failure = new UpstreamFailure('protocol', 'the upstream answered 200 with no answer');
    exchange.stop(failure);
    throw failure;
  }
  const headers = answerHeaders(exchange.headers);
  if (kind === 'stream') return { kind, headers, relay: exchange.relay };
  return { kind, headers, relay: (onChunk) => exchange.relay(limited(onChunk)) };
}

function limited(onChunk: OnChunk): OnChunk {
  let bytes = 0;
  return (chunk) => {
    bytes += chunk.length;
    if (bytes <= MAX_JSON_BYTES) return onChunk(chunk);
    throw new UpstreamFailure('protocol', 'the answer is too large');
  };
}

async function refusalOf(
  link: Link,
  exchange: Exchange,
  secrets: readonly string[],
): Promise<UpstreamFailure> {
  const { status, headers } = exchange;
  const limits = { maxBytes: MAX_ERROR_BYTES, timeoutMs: ERROR_TIMEOUT_MS };
  const retryAfterS = retryAfterOf(headerOf(headers, 'retry-after'));
  const rest = retryAfterS === undefined ? {} : { retryAfterS };
  try {
    const json = parseJson((await collect(link, exchange, limits)).toString());
    const body = { error: readUpstreamError(json, secrets) };
    return new UpstreamFailure('status', `the upstream answered ${status}`, {
      status,
      body,
      ...rest,
    });
  } catch (error) {
    // The status says enough.
    const said = { status, cause: error, ...rest };
    return new UpstreamFailure('status', `the upstream answered ${status}`, said);
  }
}

/** Reads a small body whole, or rejects with UpstreamFailure. */
async function collect(
  link: Link,
  exchange: Exchange,
  limits: { readonly maxBytes: number; readonly timeoutMs: number },
): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  const deadline = link.deadlines.create(() =>
    exchange.stop(new UpstreamFailure('timeout', 'the body came too slowly')),
  );
  deadline.set(limits.timeoutMs);
  try {
    await exchange.relay((chunk) => {
      bytes += chunk.length;
      if (bytes > limits.maxBytes) throw new UpstreamFailure('protocol', 'the body is too large');
      pieces.push(chunk);
      return undefined;
    });
  } finally {
    deadline.clear();
  }
  return Buffer.concat(pieces);
}
