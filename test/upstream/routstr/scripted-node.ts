import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';

import { listen, readBody } from '../../../src/demo/http-server.ts';
import { openTill } from '../../support/routstr-core/till.ts';
import type { Till } from '../../support/routstr-core/till.ts';

/** What an answer costs at the node, and what its usage says: 1,000 prompt tokens of 1 msat and 500 of 2. */
export const COST_MSAT = 2000;
export const USAGE = { prompt_tokens: 1000, completion_tokens: 500, total_tokens: 1500 };
const PRICES = { prompt: 0.001, completion: 0.002, request: 0, image: 0 };

export interface Seen {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers in place of the honest node; false: let it. */
export type Script = (
  response: ServerResponse,
  seen: Seen,
) => boolean | undefined | void | Promise<boolean | undefined | void>;

/** A node that sells one model, honestly where no script says otherwise. */
export interface ScriptedNode extends AsyncDisposable {
  readonly url: string;
  readonly till: Till;
  readonly requests: readonly Seen[];
  chats(): readonly Seen[];
  chat: Script;
  refund: Script;
  info: Script;
  /** Charged instead of `COST_MSAT`. */
  costMsat: number;
  /** On all published prices. */
  priceFactor: number;
}

export async function scriptedNode(mintUrl: string): Promise<ScriptedNode> {
  const till = await openTill(mintUrl);
  const requests: Seen[] = [];
  const honest: Script = () => false;
  /** Change by the token that paid; `nothing` where all of it was charged. */
  const paid = new Map<string, { token: string; sats: string } | 'nothing' | undefined>();
  const listening = await listen((request, response) => {
    route(request, response).catch(() => response.destroy());
  }, 0);
  const node: ScriptedNode = {
    url: listening.url,
    till,
    requests,
    chats: () => requests.filter(({ path }) => path.endsWith('/chat/completions')),
    chat: honest,
    refund: honest,
    info: honest,
    costMsat: COST_MSAT,
    priceFactor: 1,
    [Symbol.asyncDispose]: () => listening.close(),
  };

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = (await readBody(request, 1_000_000)) ?? '';
    const path = request.url ?? '';
    const seen = { path, headers: request.headers, body };
    requests.push(seen);
    if (path === '/v1/models') return json(response, 200, modelsAt(node.priceFactor));
    const [script, act] = deedOf(path);
    if ((await script(response, seen)) !== false) return undefined;
    return act(response, seen);
  }

  function deedOf(path: string): [Script, (response: ServerResponse, seen: Seen) => Promise<void>] {
    if (path === '/v1/chat/completions') return [node.chat, chat];
    if (path === '/v1/wallet/refund') return [node.refund, refund];
    return [node.info, info];
  }

  async function chat(response: ServerResponse, { headers, body }: Seen): Promise<void> {
    const { stream = false, cost = node.costMsat } = JSON.parse(body) as Asked;
    const token = headers['x-cashu'];
    if (typeof token === 'string') return chatWithToken(response, token, { stream, cost });
    const account = await till.open(bearerOf(headers));
    if (account === undefined) return json(response, 401, {});
    account.balanceMsat -= cost;
    return answer(response, stream, costOf(cost, account.balanceMsat));
  }

  async function chatWithToken(
    response: ServerResponse,
    token: string,
    { stream, cost }: Required<Asked>,
  ): Promise<void> {
    paid.set(token, undefined);
    const sats = (await till.redeem(token)) - Math.ceil(cost / 1000);
    if (sats <= 0) {
      paid.set(token, 'nothing');
      return answer(response, stream, costOf(cost));
    }
    const change = { token: await till.pay(sats), sats: String(sats) };
    paid.set(token, change);
    const fields = { ...costOf(cost), ...(stream ? { x_cashu: change.token } : {}) };
    return answer(response, stream, fields, stream ? {} : { 'x-cashu': change.token });
  }

  async function refund(response: ServerResponse, { headers }: Seen): Promise<void> {
    const token = headers['x-cashu'];
    if (typeof token === 'string') {
      if (!paid.has(token)) return json(response, 404, { detail: 'Refund not found' });
      const change = paid.get(token);
      if (change === 'nothing') return json(response, 410, {});
      return change === undefined
        ? json(response, 425, { detail: 'Refund pending' })
        : json(response, 200, change);
    }
    const account = await till.open(bearerOf(headers));
    if (account === undefined) return json(response, 401, {});
    const sats = Math.floor(account.balanceMsat / 1000);
    if (account.refunded === undefined && sats > 0) {
      account.balanceMsat = 0;
      account.refunded = { token: await till.pay(sats), sats: String(sats) };
    }
    if (account.refunded === undefined)
      return json(response, 400, { detail: 'No balance to refund' });
    return json(response, 200, account.refunded);
  }

  async function info(response: ServerResponse, { headers }: Seen): Promise<void> {
    const account = await till.open(bearerOf(headers));
    if (account === undefined) return json(response, 401, {});
    return json(response, 200, { balance: account.balanceMsat, reserved: 0 });
  }

  return node;
}

/** What a request says: our tests tell in it what it shall cost. */
interface Asked {
  readonly stream?: boolean;
  readonly cost?: number;
}

function modelsAt(factor: number): object {
  const prices = Object.fromEntries(
    Object.entries(PRICES).map(([name, price]) => [name, price * factor]),
  );
  return { data: [{ id: 'm', name: 'm', pricing: prices, sats_pricing: prices }] };
}

function bearerOf(headers: IncomingHttpHeaders): string {
  return headers.authorization?.replace('Bearer ', '') ?? '';
}

/** In all the places where nodes put it. */
export function costOf(total: number, remaining?: number): Record<string, unknown> {
  const block = { total_msats: total };
  return {
    cost: block,
    metadata: { routstr: { cost: block } },
    usage: {
      ...USAGE,
      cost: block,
      cost_sats: Math.ceil(total / 1000),
      ...(remaining === undefined ? {} : { remaining_balance_msats: remaining }),
    },
  };
}

export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** An answer as JSON or as a stream, with these further fields in it or in its last chunk. */
export function answer(
  response: ServerResponse,
  stream: boolean,
  fields: Record<string, unknown>,
  headers: Record<string, string> = {},
): void {
  if (!stream) {
    const choices = [{ index: 0, message: { role: 'assistant', content: 'hello' } }];
    return json(response, 200, { id: 'c1', choices, ...fields }, headers);
  }
  response.writeHead(200, { 'content-type': 'text/event-stream', ...headers });
  response.write(event({ id: 'c1', choices: [{ index: 0, delta: { content: 'hello' } }] }));
  response.write(event({ id: 'c1', choices: [], ...fields }));
  response.end('data: [DONE]\n\n');
  return undefined;
}

export function event(chunk: object): string {
  return `data: ${JSON.stringify(chunk)}\n\n`;
}
