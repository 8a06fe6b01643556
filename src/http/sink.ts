import type { OutgoingHttpHeaders } from 'node:http';

import type { FastifyReply } from 'fastify';

import type { Cancel } from '../lib/cancel.ts';
import { lastError } from '../openai/last-chunk.ts';
import type { Sink } from '../router/sink.ts';
import { commonHeaders } from './common-headers.ts';
import { errorAnswer } from './error-answer.ts';
import { createPulse } from './pulse.ts';
import type { PulseLimits } from './pulse.ts';
import { settlementHeaders } from './settlement-headers.ts';

/** The sink of one HTTP request. */
export interface HttpSink extends Sink {
  /** Status of the answer; undefined until its head is sent. */
  readonly status: number | undefined;
  /** To be called at a steady beat. */
  beat(): void;
}

interface State {
  started: boolean;
  status: number | undefined;
}

/** `private`: what a payer bought is nobody else's. nginx must not collect the events. */
const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'private, no-cache, no-transform',
  'x-accel-buffering': 'no',
};
const JSON_HEADERS = {
  'content-type': 'application/json',
  'cache-control': 'private, no-cache',
};

/** Takes over `reply`: fastify's headers, hooks and error handler no longer exist for it. */
export function createHttpSink(
  reply: FastifyReply,
  requestId: string,
  gone: Cancel,
  limits: PulseLimits,
): HttpSink {
  reply.hijack();
  const { raw } = reply;
  const pulse = createPulse(raw, gone, limits);
  const headers: OutgoingHttpHeaders = commonHeaders(requestId);
  const sendHead = (code: number, more: OutgoingHttpHeaders): void => {
    sink.status = code;
    raw.writeHead(code, { ...headers, ...more });
  };
  const start = (): void => {
    if (sink.started) return;
    sink.started = true;
    sendHead(200, STREAM_HEADERS);
  };
  const endWith = (code: number, more: OutgoingHttpHeaders, body: Buffer): void => {
    if (sink.status !== undefined || gone.cancelled) return;
    sendHead(code, { ...more, 'content-length': body.length });
    raw.end(body);
  };

  const sink: State & HttpSink = {
    started: false,
    status: undefined,
    header(name, value) {
      headers[name] = value;
    },
    write(chunk) {
      if (gone.cancelled) return undefined;
      start();
      pulse.wrote(chunk);
      return raw.write(chunk) ? undefined : pulse.untilRead();
    },
    endStream(last) {
      if (gone.cancelled) return;
      start();
      raw.end(last);
    },
    endJson(body, settlement) {
      endWith(200, { ...JSON_HEADERS, ...settlementHeaders(settlement) }, body);
    },
    fail(error, settlement) {
      if (sink.started && !gone.cancelled) {
        raw.end(lastError(error));
        return;
      }
      const answer = errorAnswer(error, requestId, settlement);
      endWith(answer.status, answer.headers, answer.body);
    },
    beat: () => pulse.beat(),
  };
  return sink;
}
