import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import { RouterError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { refused } from '../router/report.ts';
import { commonHeaders } from './common-headers.ts';
import { errorAnswer } from './error-answer.ts';
import type { Metrics } from './metrics.ts';
import { logAnswer } from './request-log.ts';

/** Makes every error of `app`, thrown by anyone, an answer in our shape. */
export function answerErrors(app: FastifyInstance, log: Log, metrics: Metrics): void {
  app.setErrorHandler((thrown, request, reply) => {
    const error = routerErrorOf(thrown);
    const { status } = error;
    const report = refused(error);
    metrics.count(status, report);
    const ms = Math.round(reply.elapsedTime);
    logAnswer(log, { requestId: request.id, status, ms }, report);
    const answer = errorAnswer(error, request.id);
    return reply.code(status).headers(answer.headers).send(answer.body);
  });
  app.setNotFoundHandler((request) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const allowed = ['GET', 'POST'].filter(
      (method) => method !== request.method && hasRoute(app, method, path),
    );
    if (allowed.length > 0) {
      throw new RouterError('method_not_allowed', `${path} takes ${allowed.join(' and ')} only.`, {
        headers: { allow: allowed.join(', ') },
      });
    }
    throw new RouterError(
      'not_found',
      'There is nothing at this path. See GET / for what there is.',
    );
  });
}

/** Answers what fastify refuses before there is a route: a path that is no text. */
export function answerFrameworkError(
  thrown: unknown,
  { id }: FastifyRequest,
  reply: FastifyReply,
): void {
  const { status, headers, body } = errorAnswer(routerErrorOf(thrown), id);
  // The hooks that add these do not run yet.
  void reply
    .code(status)
    .headers({ ...commonHeaders(id), ...headers })
    .send(body);
}

function hasRoute(app: FastifyInstance, method: string, path: string): boolean {
  const url = path.replace(/(?<=.)\/+$/, '').replace(/^((?:\/v1)?\/models)\/.+/, '$1/*');
  return app.hasRoute({ method, url });
}

/** The error itself, or the one of ours that stands for it. */
export function routerErrorOf(thrown: unknown): RouterError {
  if (thrown instanceof RouterError) return thrown;
  const code = codeOf(thrown);
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new RouterError('request_too_large', 'The request body is too large.');
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new RouterError('unsupported_media_type', 'Send the body as application/json.');
  }
  if (code.startsWith('FST_ERR_CTP_') || code === 'FST_ERR_BAD_URL') {
    return new RouterError('invalid_request', 'The request cannot be read.', { cause: thrown });
  }
  return new RouterError('internal_error', 'Something went wrong on our side.', { cause: thrown });
}

function codeOf(thrown: unknown): string {
  if (!(thrown instanceof Error) || !('code' in thrown)) return '';
  return typeof thrown.code === 'string' ? thrown.code : '';
}

/** Answers what Node's parser refuses before there is a request. */
export function answerParserError(error: Error, socket: Duplex): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const isTooLarge = codeOf(error) === 'HPE_HEADER_OVERFLOW';
  const refusal = isTooLarge
    ? new RouterError('headers_too_large', 'The request headers are larger than 64 KiB.')
    : new RouterError('invalid_request', 'This is not a readable HTTP request.');
  const requestId = randomUUID();
  const { status, headers, body } = errorAnswer(refusal, requestId);
  const lines = Object.entries({
    ...commonHeaders(requestId),
    ...headers,
    'content-length': body.length,
    connection: 'close',
  }).map(([name, value]) => `${name}: ${String(value)}\r\n`);
  const reason = isTooLarge ? 'Request Header Fields Too Large' : 'Bad Request';
  socket.end(
    Buffer.concat([Buffer.from(`HTTP/1.1 ${status} ${reason}\r\n${lines.join('')}\r\n`), body]),
  );
}
