import { request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, RequestOptions } from 'node:http';
import { connect } from 'node:net';

import { createServer } from '../../src/http/server.ts';
import type { HttpOptions, HttpServer } from '../../src/http/server.ts';
import { ZERO_MSAT } from '../../src/lib/amount.ts';
import type { Msat } from '../../src/lib/amount.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Settlement } from '../../src/payment/rail.ts';
import type { Report } from '../../src/router/report.ts';

export interface Serving extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly server: HttpServer;
}

export const report: Report = {
  model: 'm',
  provider: 'p',
  attempts: [{ provider: 'p', failure: undefined }],
  charge: ZERO_MSAT,
  payerGone: false,
  error: undefined,
};

export function settlementOf(charge: Msat, more: Partial<Settlement> = {}): Settlement {
  return { charge, balance: undefined, change: undefined, headers: {}, ...more };
}

/** A listening server; parts that a test does not name do nothing. */
export async function serve(options: Partial<HttpOptions> = {}): Promise<Serving> {
  const server = createServer({
    complete: async (_incoming, sink) => {
      sink.endJson(Buffer.from('{}'), settlementOf(ZERO_MSAT));
      return report;
    },
    models: { items: () => [] },
    wallet: {
      info: async () => ({ balance: 0 }),
      refund: async () => ({ status: 200, body: { token: 'cashuBtest' }, headers: {} }),
    },
    node: {
      name: 'test node',
      about: 'for tests',
      version: '0.1.0',
      url: undefined,
      onion: undefined,
      npub: undefined,
      mints: ['https://mint.example'],
    },
    providers: undefined,
    reasons: () => [],
    log: silentLog,
    ...options,
  });
  const url = await server.listen('127.0.0.1', 0);
  return {
    url,
    port: Number(new URL(url).port),
    server,
    [Symbol.asyncDispose]: () => server.drain(0),
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly text: string;
}

/** Sends one request on its own connection and reads the whole answer. */
export async function ask(
  url: string,
  options: RequestOptions & { readonly body?: string | Buffer } = {},
): Promise<Answer> {
  const answer = await open(url, options);
  const pieces: Buffer[] = [];
  for await (const piece of answer) pieces.push(piece as Buffer);
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    rawHeaders: answer.rawHeaders,
    text: Buffer.concat(pieces).toString('utf8'),
  };
}

/** Sends one request and resolves with the head of its answer. */
export function open(
  url: string,
  options: RequestOptions & { readonly body?: string | Buffer } = {},
): Promise<IncomingMessage> {
  const { body, ...rest } = options;
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { agent: false, ...rest }, resolve);
    sent.once('error', reject);
    sent.end(body);
  });
}

export function postJson(body: unknown): RequestOptions & { body: string } {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  };
}

/** Writes bytes to the port as they are and reads until the other side closes. */
export function exchange(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let received = '';
    socket.on('data', (data) => (received += data.toString('utf8')));
    socket.once('error', reject);
    socket.once('close', () => resolve(received));
  });
}
