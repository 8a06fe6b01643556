import { Agent, request } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';

import { MODEL } from './router-world.ts';
import { PROMPT_CANARY } from './test-log.ts';

/** A completion, a chunk or an error, as far as tests read it. */
export interface ChatJson {
  readonly id: string;
  readonly object: string;
  readonly model: string;
  /** Not there in an error. */
  readonly choices?: readonly {
    readonly index: number;
    readonly message?: { readonly content: string | null };
    readonly delta?: { readonly content?: string | null };
    readonly finish_reason: string | null;
  }[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly cost: { readonly total_msats: number; readonly remaining_balance_msats: number };
  };
  readonly x_cashu?: string;
  readonly error?: ErrorJson;
  readonly detail?: { readonly error: ErrorJson };
  readonly request_id?: string;
}

export interface ErrorJson {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** All of the body. */
  text(): Promise<string>;
  json(): Promise<ChatJson>;
  /** The data of the next SSE event; undefined at the end. */
  next(): Promise<string | undefined>;
  /** The data of all further SSE events, without `[DONE]`. */
  chunks(): Promise<readonly ChatJson[]>;
  /** Closes the connection. */
  leave(): void;
}

export interface CallOptions {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
  /** From which address; default 127.0.0.1. */
  readonly localAddress?: string;
  /** Told as soon as the request may be given up. */
  readonly signal?: AbortSignal;
}

/** One request over a connection of its own; resolves with the head of the answer. */
export function call(url: string, options: CallOptions = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body, localAddress, signal } = options;
  return new Promise((resolve, reject) => {
    const agent = new Agent({ keepAlive: false });
    const sent = request(
      url,
      {
        method,
        agent,
        headers,
        ...(localAddress === undefined ? {} : { localAddress }),
        ...(signal === undefined ? {} : { signal }),
      },
      (response) => resolve(answerOf(response)),
    );
    sent.once('error', reject);
    sent.end(body);
  });
}

export type Scheme = 'bearer' | 'cashu' | 'x-cashu';

export interface ChatOptions extends Omit<CallOptions, 'method' | 'body'> {
  readonly scheme?: Scheme;
  /** Fields beside `model` and `messages`, or instead of them. */
  readonly fields?: object;
  /** The body as it is, instead of one made of `fields`. */
  readonly rawBody?: string | Buffer;
  readonly change?: 'keep' | 'token';
}

/** Posts a chat with a token. */
export function chat(url: string, token: string, options: ChatOptions = {}): Promise<Answer> {
  const { scheme, fields, rawBody, headers, change, ...rest } = options;
  const sentHeaders = {
    'content-type': 'application/json',
    ...credential(token, scheme),
    ...(change === undefined ? {} : { 'x-cashu-change': change }),
    ...headers,
  };
  const body = rawBody ?? chatBody(fields);
  return call(`${url}/v1/chat/completions`, {
    ...rest,
    method: 'POST',
    headers: sentHeaders,
    body,
  });
}

export function chatBody(fields: object = {}): string {
  const messages = [{ role: 'user', content: `${PROMPT_CANARY} tell me a story` }];
  return JSON.stringify({ model: MODEL, messages, ...fields });
}

export function credential(token: string, scheme: Scheme = 'bearer'): OutgoingHttpHeaders {
  if (scheme === 'x-cashu') return { 'x-cashu': token };
  return { authorization: `${scheme === 'bearer' ? 'Bearer' : 'Cashu'} ${token}` };
}

export interface Refund {
  readonly status: number;
  readonly token: string;
  readonly code: string | undefined;
}

/** Asks for what is left on a token. */
export async function refund(url: string, token: string, scheme?: Scheme): Promise<Refund> {
  const headers = credential(token, scheme);
  const answer = await call(`${url}/v1/wallet/refund`, { method: 'POST', headers });
  const body = JSON.parse(await answer.text()) as { token?: string; error?: ErrorJson };
  return { status: answer.status, token: body.token ?? '', code: body.error?.code };
}

export interface Info {
  /** On the ledger and out as change, msat. */
  readonly balance: number;
  readonly reserved: number;
  readonly change_out_msats: number;
  readonly state: string;
  readonly presented: boolean;
}

export async function info(url: string, token: string, scheme?: Scheme): Promise<Info> {
  const answer = await call(`${url}/v1/wallet/info`, { headers: credential(token, scheme) });
  return JSON.parse(await answer.text()) as Info;
}

/** What an answer in one piece, or the last chunk of a stream, says it cost. */
export function costOf(body: ChatJson | undefined): number {
  const cost = body?.usage?.cost.total_msats;
  if (cost === undefined) throw new Error(`no cost in ${JSON.stringify(body)}`);
  return cost;
}

/** The change of an answer in one piece, or of a stream's last chunk. */
export function changeOf(answer: Answer, body: ChatJson | undefined): string {
  const change = answer.headers['x-cashu'] ?? body?.x_cashu;
  if (typeof change !== 'string') throw new Error('the answer carries no change');
  return change;
}

/** Waits until `isTrue`, which something outside of this process' order makes true. */
export async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function answerOf(response: IncomingMessage): Answer {
  response.setEncoding('utf8');
  const pieces = response[Symbol.asyncIterator]() as AsyncIterator<string>;
  let buffered = '';

  async function next(): Promise<string | undefined> {
    for (;;) {
      const event = /^([\s\S]*?)\r?\n\r?\n/.exec(buffered);
      if (event !== null) {
        buffered = buffered.slice(event[0].length);
        const data = /^data: ?(.*)$/m.exec(event[1] ?? '')?.[1];
        // Comments keep slow streams alive.
        if (data !== undefined) return data.trimEnd();
        continue;
      }
      const piece = await pieces.next();
      if (piece.done === true) return undefined;
      buffered += piece.value;
    }
  }
  async function text(): Promise<string> {
    for (;;) {
      const piece = await pieces.next();
      if (piece.done === true) return buffered;
      buffered += piece.value;
    }
  }

  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text,
    json: async () => JSON.parse(await text()) as ChatJson,
    next,
    async chunks() {
      const found: ChatJson[] = [];
      for (let data = await next(); data !== undefined; data = await next()) {
        if (data !== '[DONE]') found.push(JSON.parse(data) as ChatJson);
      }
      return found;
    },
    leave: () => response.destroy(),
  };
}
