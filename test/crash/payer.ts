import { setTimeout as sleep } from 'node:timers/promises';

import { readChat } from './chat.ts';
import type { ChatResult } from './chat.ts';
import { send } from './http-client.ts';
import type { Answer, Leave } from './http-client.ts';
import { SOLD } from './models.ts';
import type { Prices, TokenUsage } from './models.ts';

export type Scheme = 'bearer' | 'x-cashu' | 'cashu';

export interface Ask {
  readonly token: string;
  readonly model: string;
  readonly prompt: string;
  readonly stream: boolean;
  readonly scheme?: Scheme;
  /** `X-Cashu-Change`. */
  readonly change?: 'keep' | 'token' | undefined;
  readonly leave?: Leave | undefined;
}

/** Somebody who pays, and who writes down what a router may have charged, knowing nothing but answers and prices. */
export interface Payer {
  readonly name: string;
  /** Every token this payer ever had: bought, or given by the router. */
  readonly tokens: ReadonlySet<string>;
  /** Tokens that the router was shown. */
  readonly presented: ReadonlySet<string>;
  /** Tokens that came from the router. */
  readonly given: ReadonlySet<string>;
  readonly bill: Bill;
  /** Adds a token that was bought for `sat`. */
  buy(token: string, sat: number): void;
  chat(ask: Ask): Promise<ChatResult>;
  /** `POST /v1/wallet/refund`; the token it gave. */
  refund(
    token: string,
    scheme?: Scheme,
  ): Promise<{ readonly status: number; readonly token?: string }>;
}

export interface Bill {
  boughtSat: number;
  requests: number;
  /** Msat: what the router said it charged, and for answers that broke off the bounds of what it may have. */
  least: number;
  most: number;
  /** What answers that did not come to their end can have cost whoever served them. */
  unpaid: number;
  /** In words: charges that are not the price of the usage that was told. */
  readonly faults: string[];
}

export interface PayerOptions {
  readonly name: string;
  /** A loopback address of its own. */
  readonly address: string;
  /** Undefined while no router runs. */
  readonly routerUrl: () => string | undefined;
  /** Default: the router's that has the models. */
  readonly prices?: Prices | undefined;
  /** What a whole answer uses, by the upstream itself. */
  readonly usageOf: (model: string, prompt: string) => TokenUsage;
  /** When the router that was asked last was killed, milliseconds since the epoch; undefined while it lives. */
  readonly killedAtMs: () => Promise<number | undefined>;
}

/** Where upstream and router count differently, or not at all. */
const TOKENS_OF_DOUBT = 12;
/** DESIGN.md money rule 7 says 2 s; the rest is for a machine that is busy killing and starting things. */
const UNMETERED_MS = 4_000;

export function createPayer(options: PayerOptions): Payer {
  const tokens = new Set<string>();
  const presented = new Set<string>();
  const given = new Set<string>();
  const bill: Bill = { boughtSat: 0, requests: 0, least: 0, most: 0, unpaid: 0, faults: [] };

  const take = (token: string | undefined): void => {
    if (token === undefined) return;
    tokens.add(token);
    given.add(token);
  };

  async function post(
    path: string,
    rest: {
      readonly headers: Record<string, string>;
      readonly body?: string;
      readonly leave?: Leave | undefined;
    },
  ): Promise<Answer> {
    const url = options.routerUrl();
    if (url === undefined) return NOBODY;
    return send({ ...rest, url: `${url}${path}`, from: options.address });
  }

  return {
    name: options.name,
    tokens,
    presented,
    given,
    bill,
    buy(token, sat) {
      tokens.add(token);
      bill.boughtSat += sat;
    },
    async chat(ask) {
      presented.add(ask.token);
      const headers = credential(ask.token, ask.scheme, ask.change);
      const body = JSON.stringify({
        model: ask.model,
        stream: ask.stream,
        messages: [{ role: 'user', content: ask.prompt }],
      });
      const answer = await post('/v1/chat/completions', {
        headers,
        body,
        leave: ask.leave,
      });
      const result = readChat(answer);
      take(result.change);
      if (answer.end !== 'refused') await charge(bill, options, { ask, result });
      return result;
    },
    async refund(token, scheme) {
      const answer = await post('/v1/wallet/refund', { headers: credential(token, scheme) });
      if (answer.status !== 200 || answer.end !== 'complete') return { status: answer.status };
      const { token: change } = JSON.parse(answer.text) as { token: string };
      take(change);
      return { status: 200, token: change };
    },
  };
}

const NOBODY: Answer = { end: 'refused', status: 0, headers: {}, text: '', contentAtMs: [] };

function credential(
  token: string,
  scheme: Scheme = 'bearer',
  change?: string,
): Record<string, string> {
  const asked: Record<string, string> = change === undefined ? {} : { 'x-cashu-change': change };
  if (scheme === 'x-cashu') return { ...asked, 'x-cashu': token };
  const word = scheme === 'bearer' ? 'Bearer' : 'Cashu';
  return { ...asked, authorization: `${word} ${token}` };
}

/** Statuses of requests that an upstream may have had. */
const FAILED_UPSTREAM: ReadonlySet<number> = new Set([502, 504]);

/** Writes one exchange on the bill. */
async function charge(
  bill: Bill,
  options: PayerOptions,
  exchange: { readonly ask: Ask; readonly result: ChatResult },
): Promise<void> {
  const { ask, result } = exchange;
  const { cost, end, status } = result;
  bill.requests += 1;
  if (result.error === 'internal_error') bill.faults.push(`${ask.model} ended with ${status}`);
  const isRefusal = end === 'complete' && status >= 400;
  if (cost === undefined || result.error !== undefined)
    bill.unpaid += isRefusal && !FAILED_UPSTREAM.has(status) ? 0 : mostOf(options, ask);
  if (cost !== undefined) return chargeTold(bill, options, { ask, result, cost });
  // A complete refusal that speaks of no cost has none.
  if (isRefusal) return;
  bill.most += mostOf(options, ask);
  if (ask.leave !== undefined) return;
  const killedAtMs = await options.killedAtMs();
  if (killedAtMs === undefined) return;
  const sent = result.contentAtMs.filter((atMs) => atMs < killedAtMs - UNMETERED_MS).length;
  const { prices = SOLD } = options;
  bill.least += prices.outputWorth(Math.max(0, sent - TOKENS_OF_DOUBT));
}

function chargeTold(
  bill: Bill,
  { prices = SOLD }: PayerOptions,
  told: { readonly ask: Ask; readonly result: ChatResult; readonly cost: number },
): void {
  const { ask, result, cost } = told;
  const { usage, error } = result;
  bill.least += cost;
  bill.most += cost;
  if (usage === undefined || (error !== undefined && cost === 0)) return;
  const [least, most] = [prices.least(usage), prices.most(usage)];
  if (cost < least || cost > most)
    bill.faults.push(`${ask.model} was charged ${cost} msat, its usage costs ${least} to ${most}`);
}

/** A whole answer. */
function mostOf({ prices = SOLD, usageOf }: PayerOptions, { model, prompt }: Ask): number {
  const { input, output } = usageOf(model, prompt);
  return prices.most({ input: input + TOKENS_OF_DOUBT, output: output + TOKENS_OF_DOUBT });
}

/** For loops that ask again until something has happened. */
export async function eventually<T>(
  ask: () => Promise<T | undefined>,
  deadlineMs: number,
): Promise<T | undefined> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const found = await ask();
    if (found !== undefined || Date.now() > end) return found;
    await sleep(100);
  }
}
