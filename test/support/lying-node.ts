import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { listen, readBody, sendJson } from '../../src/demo/http-server.ts';

/** How a node departs from what it ought to do. Nothing set: an honest node. */
export interface Lie {
  /** Publishes its prices this many times too low. */
  readonly priceFactor?: number;
  /** Change and refunds never come: always `later`, never heard of, no answer, or an empty token. */
  readonly withhold?: 'later' | 'unknown' | 'silence' | 'nothing';
  /** Says that nothing is left of what it has of ours. */
  readonly empty?: boolean;
  /** Takes the request and its money, sends so many bytes of a 200 and resets the connection. */
  readonly dieAfterBytes?: number;
  /** Answers a chat with this status, having done nothing. */
  readonly status?: 402 | 425 | 429 | 503;
  /** Takes the request and its money, and never answers. */
  readonly hang?: boolean;
  /** Money in its answers that is not ours to pass on. */
  readonly forgedChange?: string;
}

/** Stands before a real node and lies for it. */
export interface LyingNode extends AsyncDisposable {
  readonly url: string;
  /** Chat requests that came in. */
  readonly chats: number;
  lie(lie: Lie): void;
}

const FLUSH_MS = 30;
const MAX_BODY = 4_000_000;
const DROPPED = new Set([
  'connection',
  'content-length',
  'transfer-encoding',
  'keep-alive',
  'date',
]);

export async function startLyingNode(target: string): Promise<LyingNode> {
  const node: State = { target, lie: {}, chats: 0 };
  const listening = await listen((request, response) => {
    // Either side may leave at any time: that is what these tests do.
    answer(node, request, response).catch(() => response.destroy());
  }, 0);
  return {
    url: listening.url,
    get chats() {
      return node.chats;
    },
    lie(lie) {
      node.lie = lie;
    },
    [Symbol.asyncDispose]: () => listening.close(),
  };
}

interface State {
  readonly target: string;
  lie: Lie;
  chats: number;
}

async function answer(
  node: State,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { lie } = node;
  const path = request.url ?? '/';
  const body = await readBody(request, MAX_BODY);
  const isChat = path.includes('/chat/completions');
  if (isChat) node.chats += 1;
  if (isChat && lie.status !== undefined) return refuse(response, lie.status);
  if (path.endsWith('/refund') && lie.withhold !== undefined)
    return withhold(response, lie.withhold);
  if (path.endsWith('/wallet/info') && lie.empty === true)
    return sendJson(response, 200, { balance: 0, reserved: 0 });
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const answered = await fetch(node.target + path, {
    method: request.method ?? 'GET',
    headers: headersOf(request),
    signal: gone.signal,
    ...(body === undefined || body === '' ? {} : { body }),
  });
  if (isChat && lie.hang === true) {
    await answered.arrayBuffer();
    return;
  }
  const { priceFactor: _prices, ...ofChats } = lie;
  await relay(answered, response, isChat ? ofChats : modelsLie(path, lie));
}

function headersOf(request: IncomingMessage): [string, string][] {
  return Object.entries(request.headers).flatMap(([name, value]) =>
    DROPPED.has(name) || name === 'host' || typeof value !== 'string' ? [] : [[name, value]],
  );
}

/** Of all that is no chat only the model list is changed. */
function modelsLie(path: string, { priceFactor }: Lie): Lie {
  return path.endsWith('/models') && priceFactor !== undefined ? { priceFactor } : {};
}

async function relay(answered: Response, response: ServerResponse, lie: Lie): Promise<void> {
  const headers = [...answered.headers].filter(([name]) => !DROPPED.has(name));
  const isKept = ([name]: readonly [string, string]): boolean =>
    !(name === 'x-cashu' && (lie.withhold !== undefined || lie.forgedChange !== undefined));
  const forged: [string, string][] =
    lie.forgedChange === undefined ? [] : [['x-cashu', lie.forgedChange]];
  response.writeHead(answered.status, Object.fromEntries([...headers.filter(isKept), ...forged]));
  if (
    lie.priceFactor !== undefined &&
    answered.headers.get('content-type')?.includes('json') === true
  ) {
    response.end(cheaper(await answered.text(), lie.priceFactor));
    return;
  }
  const diesAfter = lie.dieAfterBytes ?? Infinity;
  let sent = 0;
  for await (const piece of answered.body ?? []) {
    const text = changed(Buffer.from(piece).toString('utf8'), lie).slice(0, diesAfter - sent);
    response.write(text);
    sent += text.length;
    if (sent >= diesAfter) {
      // A reset takes back what has not arrived yet.
      await sleep(FLUSH_MS);
      response.socket?.resetAndDestroy();
      return;
    }
  }
  response.end();
}

/** Takes the change out of the bytes, or puts forged change in. */
function changed(text: string, lie: Lie): string {
  const without = lie.withhold === undefined ? text : text.replaceAll(/,?"x_cashu":"[^"]*"/g, '');
  if (lie.forgedChange === undefined) return without;
  return without.replaceAll('"object":"chat', `"x_cashu":"${lie.forgedChange}","object":"chat`);
}

/** Chats keep their words: only a list of models has prices. */
function cheaper(text: string, factor: number): string {
  const list = JSON.parse(text) as { data?: Record<string, unknown>[] };
  for (const model of list.data ?? []) {
    for (const field of ['pricing', 'sats_pricing']) {
      const prices = model[field] as Record<string, number> | undefined;
      for (const [name, price] of Object.entries(prices ?? {})) {
        if (prices !== undefined) prices[name] = price / factor;
      }
    }
  }
  return JSON.stringify(list);
}

function refuse(response: ServerResponse, status: 402 | 425 | 429 | 503): void {
  const error = { message: 'not now', type: 'upstream_error', code: 'refused' };
  response.writeHead(status, {
    'content-type': 'application/json',
    'retry-after': '1',
    ...(status === 402 ? { 'x-cashu': 'creqAforgedchallenge' } : {}),
  });
  response.end(JSON.stringify({ error, detail: { error } }));
}

function withhold(response: ServerResponse, how: NonNullable<Lie['withhold']>): void {
  if (how === 'silence') return;
  const json = { 'content-type': 'application/json' };
  if (how === 'nothing') {
    response.writeHead(200, json).end('{"token":"","sats":"0"}');
    return;
  }
  const status = how === 'later' ? 425 : 404;
  response.writeHead(status, json).end('{"detail":"Refund pending"}');
}
