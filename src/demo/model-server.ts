import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';

import { systemClock } from '../lib/clock.ts';
import type { Clock } from '../lib/clock.ts';
import { listen, readBody, sendJson } from './http-server.ts';
import type { Listening } from './http-server.ts';
import { parseJson } from './json.ts';
import type { JsonRecord } from './json.ts';
import { composeAnswer } from './model/answer.ts';
import { BadRequest, parseChatRequest } from './model/chat-request.ts';
import type { ChatRequest } from './model/chat-request.ts';
import { deliver } from './model/deliver.ts';
import { createGate } from './model/gate.ts';
import type { Gate } from './model/gate.ts';
import { mergeOddities, parseOddity } from './model/oddity.ts';
import type { Oddity } from './model/oddity.ts';
import { bodyPieces, headersOf, streamPieces } from './model/pieces.ts';
import { createPromptCounter } from './model/prompt-counter.ts';
import type { PromptCounter } from './model/prompt-counter.ts';
import { completionBody, completionChunks, errorBody } from './model/wire.ts';

export interface ModelServerOptions {
  readonly port?: number;
  /** Default: one model, `demo-model`. More fields of a `/v1/models` item (prices, context) go into `extra`. */
  readonly models?: readonly { readonly id: string; readonly extra?: JsonRecord }[];
  /** When given, requests need it as their bearer key. */
  readonly apiKey?: string;
  /** How every answer behaves unless a request says otherwise. */
  readonly oddity?: Oddity;
  readonly clock?: Clock;
}

/** A chat request as it came in; `outcome` and `chunksSent` move on while it is answered. */
export interface RecordedRequest {
  readonly headers: IncomingHttpHeaders;
  /** The parsed body, or the text when it is no JSON. */
  readonly body: unknown;
  readonly chunksSent: number;
  /** `aborted`: the client left before the end; `broken`: the server reset the connection, as told. */
  readonly outcome: 'running' | 'done' | 'aborted' | 'broken';
}

/** An OpenAI-compatible server whose answers follow from the prompt, and which misbehaves on demand. */
export interface ModelServer {
  /** `http://127.0.0.1:port/v1`. */
  readonly url: string;
  /** The last chat requests, oldest first, at most 1,000. */
  readonly requests: readonly RecordedRequest[];
  /** Chat requests ever. */
  readonly requestCount: number;
  /** Answers whose client left before their end. */
  readonly aborted: number;
  /** Replaces the behaviour of all answers. */
  behave(oddity: Oddity): void;
  /** The behaviour of the next `times` answers, on top of `behave`. */
  behaveNext(oddity: Oddity, times?: number): void;
  /** Every answer waits after so many chunks (default 1; 0: before its headers) until `release()`. */
  hold(afterChunks?: number): void;
  /** Lets go what is held or hangs. */
  release(): void;
  close(): Promise<void>;
}

/**
 * Starts on 127.0.0.1. One request's behaviour is set by its model name (`demo-model?resetAfter=2`, see `Oddity`) or by the header
 * `x-demo-oddity`, on top of the server's own.
 */
export async function startModelServer(options: ModelServerOptions = {}): Promise<ModelServer> {
  const state: State = {
    options,
    clock: options.clock ?? systemClock,
    models: options.models ?? [{ id: 'demo-model' }],
    gate: createGate(),
    counter: createPromptCounter(),
    requests: [],
    oddity: options.oddity ?? {},
    next: [],
    requestCount: 0,
    aborted: 0,
  };
  const listening: Listening = await listen((request, response) => {
    answer(state, request, response).catch((error: unknown) => refuse(response, error));
  }, options.port ?? 0);
  return {
    url: `${listening.url}/v1`,
    requests: state.requests,
    get requestCount() {
      return state.requestCount;
    },
    get aborted() {
      return state.aborted;
    },
    behave(oddity) {
      state.oddity = oddity;
    },
    behaveNext(oddity, times = 1) {
      for (let time = 0; time < times; time++) state.next.push(oddity);
    },
    hold: (afterChunks = 1) => state.gate.hold(afterChunks),
    release: () => state.gate.release(),
    async close() {
      await listening.close();
      await state.counter.close();
    },
  };
}

type Recording = { -readonly [Field in keyof RecordedRequest]: RecordedRequest[Field] };

interface State {
  readonly options: ModelServerOptions;
  readonly clock: Clock;
  readonly models: readonly { readonly id: string; readonly extra?: JsonRecord }[];
  readonly gate: Gate;
  readonly counter: PromptCounter;
  readonly requests: Recording[];
  oddity: Oddity;
  readonly next: Oddity[];
  requestCount: number;
  aborted: number;
}

const MAX_BODY_BYTES = 32 * 1024 * 1024;
const MAX_RECORDED = 1000;
const DEFAULT_ANSWER_TOKENS = 40;

async function answer(
  state: State,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = new URL(request.url ?? '/', 'http://demo').pathname;
  const key = state.options.apiKey;
  if (key !== undefined && request.headers.authorization !== `Bearer ${key}`) {
    const error = errorBody('Incorrect API key provided.', 'invalid_request_error', {
      code: 'invalid_api_key',
    });
    sendJson(response, 401, error);
    return;
  }
  if (request.method === 'POST' && path === '/v1/chat/completions') {
    await answerChat(state, request, response);
    return;
  }
  const known = request.method === 'GET' ? answerModels(state, path) : undefined;
  const error = errorBody(`Unknown request URL: ${path}`, 'invalid_request_error');
  sendJson(response, known === undefined ? 404 : 200, known ?? error);
}

function answerModels(state: State, path: string): object | undefined {
  const items = state.models.map(({ id, extra }) => ({
    id,
    object: 'model',
    created: 1_750_000_000,
    owned_by: 'demo',
    ...extra,
  }));
  if (path === '/v1/models') return { object: 'list', data: items };
  return items.find(({ id }) => path === `/v1/models/${encodeURIComponent(id)}`);
}

async function answerChat(
  state: State,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const text = await readBody(request, MAX_BODY_BYTES);
  if (text === undefined) {
    sendJson(response, 413, errorBody('Request too large.', 'invalid_request_error'));
    return;
  }
  const recording = record(state, request, text);
  response.once('finish', () => {
    recording.outcome = 'done';
  });
  response.once('close', () => {
    if (recording.outcome !== 'running') return;
    recording.outcome = 'aborted';
    state.aborted++;
  });
  const chat = parseChatRequest(text);
  const [id, own] = splitModel(chat.model);
  if (!state.models.some((model) => model.id === id)) {
    const error = errorBody(`The model '${id}' does not exist`, 'invalid_request_error', {
      param: 'model',
      code: 'model_not_found',
    });
    sendJson(response, 404, error);
    return;
  }
  const oddity = [
    state.next.shift() ?? {},
    parseOddity(own),
    parseOddity(String(request.headers['x-demo-oddity'] ?? '')),
  ].reduce(mergeOddities, state.oddity);
  await answerAs(state, { chat, oddity, recording, text }, response);
}

interface Turn {
  readonly chat: ChatRequest;
  readonly oddity: Oddity;
  readonly recording: Recording;
  readonly text: string;
}

async function answerAs(state: State, turn: Turn, response: ServerResponse): Promise<void> {
  const { chat, oddity, recording } = turn;
  if (oddity.status !== undefined) {
    if (oddity.retryAfterS !== undefined) {
      response.setHeader('retry-after', String(oddity.retryAfterS));
    }
    sendJson(response, oddity.status, errorBody('Refused on demand.', 'demo_error'));
    return;
  }
  const wanted = {
    answerTokens: oddity.answerTokens ?? DEFAULT_ANSWER_TOKENS,
    reasoningTokens: oddity.reasoning ?? 0,
  };
  const composed = await composeAnswer(chat, wanted, (text) => state.counter.count(text));
  const head = {
    id: `chatcmpl-${createHash('sha256').update(turn.text).digest('hex').slice(0, 24)}`,
    created: Math.floor(state.clock.now() / 1000),
    model: chat.model,
  };
  const isStream = chat.stream && oddity.json !== true && oddity.html !== true;
  const pieces = isStream
    ? streamPieces(completionChunks(head, composed, chat, oddity), oddity)
    : bodyPieces(completionBody(head, composed, oddity), oddity);
  await deliver(response, {
    headers: headersOf(isStream, pieces, oddity),
    pieces,
    oddity,
    gate: state.gate,
    onSent: () => {
      recording.chunksSent++;
    },
    onReset: () => {
      recording.outcome = 'broken';
    },
  });
}

function record(state: State, request: IncomingMessage, text: string): Recording {
  const recording: Recording = {
    headers: request.headers,
    body: parseJson(text) ?? text,
    chunksSent: 0,
    outcome: 'running',
  };
  state.requests.push(recording);
  if (state.requests.length > MAX_RECORDED) state.requests.shift();
  state.requestCount++;
  return recording;
}

function splitModel(model: string): readonly [string, string] {
  const at = model.indexOf('?');
  return at < 0 ? [model, ''] : [model.slice(0, at), model.slice(at + 1)];
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  if (error instanceof BadRequest) {
    const fields = { param: error.param };
    sendJson(response, 400, errorBody(error.message, 'invalid_request_error', fields));
    return;
  }
  const message = error instanceof RangeError ? error.message : 'The demo model failed.';
  const status = error instanceof RangeError ? 400 : 500;
  sendJson(response, status, errorBody(message, 'demo_error'));
}
