import { minMsat, msat } from '../../src/lib/amount.ts';
import type { Msat } from '../../src/lib/amount.ts';
import { createCancel } from '../../src/lib/cancel.ts';
import type { Cancel, Canceller } from '../../src/lib/cancel.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { RouterError } from '../../src/lib/errors.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Payment, PaymentEnd, PaymentRail, Settlement } from '../../src/payment/rail.ts';
import type { Quote } from '../../src/pricing/quote.ts';
import type { CatalogSource } from '../../src/router/catalog-source.ts';
import { createCatalog } from '../../src/router/catalog.ts';
import type { Report } from '../../src/router/report.ts';
import { complete } from '../../src/router/router.ts';
import { createRouting } from '../../src/router/routing.ts';
import type { Routing, RoutingOptions } from '../../src/router/routing.ts';
import type { Sink } from '../../src/router/sink.ts';
import { RELAY_LIMITS } from '../../src/router/work.ts';
import type { RouterParts } from '../../src/router/work.ts';
import type { ForwardRequest, Upstream } from '../../src/upstream/upstream.ts';
import { UpstreamFailure } from '../../src/upstream/upstream.ts';
import { sourceOf } from './market.ts';

/** What a scripted upstream can do with one request. */
export interface Stage {
  readonly body: Record<string, unknown>;
  readonly cancel: Cancel;
  /** Sends bytes; resolves when the router wants more, rejects when it has closed the connection. */
  readonly push: (text: string) => Promise<void>;
  /** Resolves when the router closes the connection. */
  readonly closed: Promise<void>;
}

export interface ScriptedUpstream extends Upstream {
  /** Every request that was sent. */
  readonly requests: (ForwardRequest & { readonly json: Record<string, unknown> })[];
}

/** An upstream that answers as `script` says; throwing ends the body with that failure. */
export function scripted(
  script: ((stage: Stage) => Promise<void>) | UpstreamFailure,
  options: { readonly kind?: 'json' | 'stream'; readonly onPayerGone?: 'cancel' | 'drain' } = {},
): ScriptedUpstream {
  const requests: ScriptedUpstream['requests'] = [];
  return {
    id: 'scripted',
    onPayerGone: options.onPayerGone ?? 'cancel',
    buying: undefined,
    requests,
    models: async () => [],
    close: async () => undefined,
    async send(request, cancel) {
      const json = JSON.parse(request.body.toString()) as Record<string, unknown>;
      requests.push({ ...request, json });
      if (script instanceof UpstreamFailure) throw script;
      return {
        kind: options.kind ?? (request.stream ? 'stream' : 'json'),
        headers: {},
        async relay(onChunk) {
          const cancelled = Promise.withResolvers<void>();
          cancel.onCancel(cancelled.resolve);
          const failIfCancelled = (): void => {
            if (cancel.cancelled) throw new UpstreamFailure('cancelled', 'we closed it');
          };
          const push = async (text: string): Promise<void> => {
            failIfCancelled();
            await onChunk(Buffer.from(text));
            failIfCancelled();
          };
          const stage = { body: json, cancel, push, closed: cancelled.promise };
          await Promise.race([script(stage), cancelled.promise]);
          failIfCancelled();
        },
      };
    },
  };
}

export const refuses = (status: number, body?: unknown): UpstreamFailure =>
  new UpstreamFailure('status', `status ${status}`, { status, body });

/** One event with a piece of text. */
export function delta(content: string, more: object = {}): string {
  return event({ choices: [{ index: 0, delta: { content }, finish_reason: null, ...more }] });
}

export function finish(reason = 'stop'): string {
  return event({ choices: [{ index: 0, delta: {}, finish_reason: reason }] });
}

export function usage(prompt: number, completion: number): string {
  const counts = { prompt_tokens: prompt, completion_tokens: completion };
  return event({ choices: [], usage: { ...counts, total_tokens: prompt + completion } });
}

export const DONE = 'data: [DONE]\n\n';

export function event(fields: object): string {
  const head = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 7, model: 'up' };
  return `data: ${JSON.stringify({ ...head, ...fields })}\n\n`;
}

export function completion(content: string, usage?: object): string {
  const message = { role: 'assistant', content };
  return JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 7,
    model: 'up',
    choices: [{ index: 0, message, finish_reason: 'stop' }],
    ...(usage !== undefined && { usage }),
  });
}

export interface FakeRail extends PaymentRail {
  readonly ends: PaymentEnd[];
  readonly metered: Msat[];
  readonly quotes: Quote[];
}

/** Accepts every request for `held` msat; unused value leaves as change when there is a whole sat of it. */
export function railWith(
  held: bigint,
  options: { readonly header?: boolean; readonly settle?: () => Promise<never> } = {},
): FakeRail {
  const ends: PaymentEnd[] = [];
  const metered: Msat[] = [];
  const quotes: Quote[] = [];
  const paymentOf = (quote: Quote): Payment => ({
    id: 'hold-1',
    held: minMsat(msat(held), quote.wanted),
    maxOutputTokens: quote.outputTokensWithin(msat(held)),
    meter: (charge) => void metered.push(charge),
    async settle(end) {
      ends.push(end);
      if (options.settle !== undefined) return options.settle();
      const rest = held - end.charge;
      const change =
        end.payerGone || rest < 1000n
          ? undefined
          : {
              token: 'cashuBchange',
              amountSat: rest / 1000n,
              header: options.header ?? true,
            };
      return { charge: end.charge, balance: msat(rest), change, headers: {} };
    },
  });
  return {
    name: 'fake',
    ends,
    metered,
    quotes,
    challenge: async () => ({ headers: [['x-cashu', 'creqAfake']], fields: { fake: true } }),
    accept(_credentials, quote) {
      quotes.push(quote);
      return Promise.resolve(paymentOf(quote));
    },
  };
}

export interface RecordingSink extends Sink {
  readonly headers: Record<string, string>;
  /** What the payer was sent: of a stream all bytes, else the JSON. */
  readonly text: string;
  readonly status: number | undefined;
  readonly settlement: Settlement | undefined;
  readonly error: RouterError | undefined;
  readonly isEnded: boolean;
  /** Makes writes wait until it resolves. */
  full: Promise<void> | undefined;
  /** Called at each write. */
  onWrite: (text: string) => void;
}

export function recordingSink(gone: Cancel): RecordingSink {
  let text = '';
  const state = {
    started: false,
    status: undefined as number | undefined,
    settlement: undefined as Settlement | undefined,
    error: undefined as RouterError | undefined,
    isEnded: false,
  };
  const headers: Record<string, string> = {};
  const end = (status: number, last: string): void => {
    if (gone.cancelled) return;
    if (state.isEnded) throw new Error('the answer was ended twice');
    state.isEnded = true;
    state.status ??= status;
    text += last;
  };
  return {
    headers,
    full: undefined,
    onWrite: () => undefined,
    get text() {
      return text;
    },
    get started() {
      return state.started;
    },
    get status() {
      return state.status;
    },
    get settlement() {
      return state.settlement;
    },
    get error() {
      return state.error;
    },
    get isEnded() {
      return state.isEnded;
    },
    header(name, value) {
      if (!state.started) headers[name] = value;
    },
    write(chunk) {
      if (gone.cancelled) return undefined;
      if (state.isEnded) throw new Error('a write after the end');
      if (chunk.length === 0) return undefined;
      state.started = true;
      state.status = 200;
      text += chunk.toString();
      this.onWrite(chunk.toString());
      return this.full;
    },
    endStream: (last) => end(200, last.toString()),
    endJson(body, settlement) {
      state.settlement = settlement;
      end(200, body.toString());
    },
    fail(error, settlement) {
      state.error = error;
      state.settlement = settlement;
      end(error.status, '');
    },
  };
}

/** One token per word, so that counts can be read off. */
export const countWords = async (texts: readonly string[]): Promise<number> =>
  texts.join(' ').split(/\s+/).filter(Boolean).length;

/** Among equals always the first. */
export const firstOfEquals = (more: Partial<RoutingOptions> = {}): Routing =>
  createRouting({ clock: systemClock, usdPmsat: () => undefined, random: () => 0, ...more });

export interface Asked {
  readonly sink: RecordingSink;
  readonly gone: Canceller;
  readonly report: Promise<Report>;
}

/** Sends one request down the path. `upstreams` become providers a, b, ... with model `m` at 10 and 20 msat a token. */
export function send(
  upstreams: readonly (Upstream | Partial<CatalogSource>)[],
  rail: PaymentRail,
  body: object,
  {
    headers = {},
    ...more
  }: Partial<RouterParts> & { readonly headers?: Record<string, string> } = {},
): Asked {
  const sources = upstreams.map((upstream, index) => {
    const id = String.fromCharCode(97 + index);
    return sourceOf(id, 'send' in upstream ? { upstream } : upstream);
  });
  const catalog = createCatalog({
    sources: () => sources,
    usdPmsat: () => undefined,
    clock: systemClock,
    log: silentLog,
  });
  const parts: RouterParts = {
    catalog,
    rails: [rail],
    countTokens: countWords,
    floorOutputTokens: 16,
    routing: firstOfEquals(),
    log: silentLog,
    limits: { ...RELAY_LIMITS, meterMs: 10, usageMs: 60 },
    ...more,
  };
  const gone = createCancel();
  const sink = recordingSink(gone);
  const incoming = {
    requestId: 'request-1',
    body: Buffer.from(
      JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'Hi' }], ...body }),
    ),
    credentials: { headers, rawHeaders: [], address: '127.0.0.1', requestId: 'request-1' },
    gone,
    hops: 0,
  };
  return { sink, gone, report: complete(parts, incoming, sink) };
}
