import type { IncomingHttpHeaders } from 'node:http';

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import { createCancel } from '../lib/cancel.ts';
import { RouterError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Incoming } from '../router/incoming.ts';
import type { Report } from '../router/report.ts';
import type { Sink } from '../router/sink.ts';
import { credentialsOf } from './credentials.ts';
import type { Metrics } from './metrics.ts';
import type { PulseLimits } from './pulse.ts';
import { logAnswer } from './request-log.ts';
import type { Running } from './running.ts';
import { createHttpSink } from './sink.ts';

export interface ChatParts {
  /** Answers one request through its sink. Never rejects. */
  readonly complete: (incoming: Incoming, sink: Sink) => Promise<Report>;
  readonly running: Running;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly limits: PulseLimits & { readonly maxRunning: number };
}

const PATHS = ['/v1/chat/completions', '/chat/completions'];
/** What logs show for a payer that left before anything was sent. */
const CLIENT_CLOSED_REQUEST = 499;

export function addChatCompletions(app: FastifyInstance, parts: ChatParts): void {
  for (const path of PATHS) {
    app.post(path, (request, reply) => {
      const incoming = read(request);
      if (parts.running.size >= parts.limits.maxRunning) {
        throw new RouterError('rate_limited', 'Too many requests are in work.', { retryAfterS: 1 });
      }
      void answer(parts, incoming, reply);
    });
  }
}

function read(request: FastifyRequest): Omit<Incoming, 'gone'> {
  const { body, headers, id: requestId } = request;
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new RouterError('unsupported_media_type', 'Send the body without a content-encoding.');
  }
  if (!Buffer.isBuffer(body)) throw new RouterError('invalid_json', 'The request has no body.');
  return { requestId, body, credentials: credentialsOf(request), hops: hopsOf(headers) };
}

/** A count we cannot read is taken for a loop. */
function hopsOf(headers: IncomingHttpHeaders): number {
  const written = headers['x-nutroute-hops'];
  if (written === undefined) return 0;
  return typeof written === 'string' && /^\d{1,2}$/.test(written) ? Number(written) : Infinity;
}

/** Answers past fastify: from here on the sink owns the socket. Never rejects. */
async function answer(
  parts: ChatParts,
  incoming: Omit<Incoming, 'gone'>,
  reply: FastifyReply,
): Promise<void> {
  const startedAt = performance.now();
  const { requestId } = incoming;
  const gone = createCancel();
  const closed = Promise.withResolvers<void>();
  const sink = createHttpSink(reply, requestId, gone, parts.limits);
  // 'close' of the request would fire as soon as its body is read.
  const onClose = (): void => {
    if (!reply.raw.writableFinished) gone.cancel();
    closed.resolve();
  };
  if (reply.raw.destroyed) onClose();
  else reply.raw.once('close', onClose);

  const leave = parts.running.add({ sink, hangUp: () => reply.raw.destroy() });
  const report = await parts.complete({ ...incoming, gone }, sink);
  const status = sink.status ?? CLIENT_CLOSED_REQUEST;
  parts.metrics.count(status, report);
  const ms = Math.round(performance.now() - startedAt);
  logAnswer(parts.log, { requestId, status, ms }, report);
  // An answer is in work until its last byte has left: a drain must not cut it.
  await closed.promise;
  leave();
}
