import { request } from 'node:http';
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** When a payer leaves before its answer is complete. */
export interface Leave {
  readonly afterMs?: number;
  readonly afterChunks?: number;
}

export interface Call {
  readonly url: string;
  readonly method?: 'POST' | 'GET';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The payer's own loopback address: limits of the router are per address. */
  readonly from: string;
  readonly leave?: Leave | undefined;
}

export interface Answer {
  /** `refused`: nobody listened, nothing was sent. `broken`: it ended before its end, by whoever. */
  readonly end: 'complete' | 'broken' | 'refused';
  /** 0 when no head came. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** When each event of a stream with content came, milliseconds since the epoch. */
  readonly contentAtMs: readonly number[];
}

/** Generous: nothing in a crash test takes this long. */
const MAX_MS = 60_000;

/** One HTTP exchange on a connection of its own. Never rejects. */
export function send(call: Call): Promise<Answer> {
  return new Promise((resolve) => {
    const { method = 'POST', headers, body = '' } = call;
    const state: State = { call, status: 0, headers: {}, text: '', contentAtMs: [], events: 0 };
    const outgoing = request(call.url, {
      method,
      agent: false,
      headers: { 'content-type': 'application/json', ...headers },
      // Only Linux answers on all of 127.0.0.0/8.
      ...(process.platform === 'linux' ? { localAddress: call.from } : {}),
    });
    const over = AbortSignal.timeout(MAX_MS);
    over.addEventListener('abort', () => outgoing.destroy());
    const finish = (end: Answer['end']): void => {
      const { status, headers, text, contentAtMs } = state;
      resolve({ end, status, headers, text, contentAtMs });
    };
    outgoing.on('error', (error) => finish(isRefused(error) ? 'refused' : 'broken'));
    outgoing.on('close', () => finish('broken'));
    outgoing.on('response', (response) => receive(state, response, outgoing, finish));
    if (call.leave?.afterMs !== undefined) {
      setTimeout(() => outgoing.destroy(), call.leave.afterMs).unref();
    }
    outgoing.end(body);
  });
}

interface State {
  readonly call: Call;
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  readonly contentAtMs: number[];
  events: number;
}

function receive(
  state: State,
  response: IncomingMessage,
  outgoing: ClientRequest,
  finish: (end: Answer['end']) => void,
): void {
  state.status = response.statusCode ?? 0;
  state.headers = response.headers;
  response.setEncoding('utf8');
  const leaveAt = state.call.leave?.afterChunks ?? Infinity;
  let unread = 0;
  response.on('data', (text: string) => {
    state.text += text;
    for (;;) {
      const end = state.text.indexOf('\n\n', unread);
      if (end === -1) break;
      if (/"content":"[^"]/.test(state.text.slice(unread, end))) state.contentAtMs.push(Date.now());
      unread = end + 2;
    }
    if (state.contentAtMs.length >= leaveAt) outgoing.destroy();
  });
  response.on('end', () => finish(response.complete ? 'complete' : 'broken'));
  response.on('error', () => finish('broken'));
}

function isRefused(error: Error): boolean {
  return 'code' in error && error.code === 'ECONNREFUSED';
}
