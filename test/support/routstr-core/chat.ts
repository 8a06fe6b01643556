import type { ServerResponse } from 'node:http';

import type { KeyAccount, Till } from './till.ts';
import { costBlock, refuse, sendJson } from './wire.ts';
import type { CorePrices, CoreUsage } from './wire.ts';

export interface CoreParts {
  readonly mintUrl: string;
  readonly upstreamUrl: string;
  readonly model: string;
  readonly prices: CorePrices;
  readonly maxOutput: number;
  readonly npub?: string;
  readonly till: Till;
  /** X-Cashu payments by the token that paid; `change` when there is some. */
  readonly paidByToken: Map<
    string,
    { change: { readonly token: string; readonly sats: string } | undefined }
  >;
}

interface ChatBody {
  readonly model: string;
  readonly messages: readonly { readonly content: unknown }[];
  readonly stream?: boolean;
  readonly max_tokens?: number;
}

/** A chat on a key's balance: reserved first, charged when the upstream has ended, whether or not the client still listens. */
export async function chat(
  parts: CoreParts,
  order: { readonly account: KeyAccount; readonly body: string },
  response: ServerResponse,
): Promise<void> {
  const { account } = order;
  const body = JSON.parse(order.body) as ChatBody;
  const need = maxCost(parts, body);
  const available = account.balanceMsat - account.reservedMsat;
  if (available < need) {
    return refuse(response, 402, {
      type: 'insufficient_quota',
      code: 'insufficient_balance',
      message: `Insufficient balance: ${need} mSats required. ${available} available. (reserved: ${account.reservedMsat})`,
    });
  }
  account.reservedMsat += need;
  let charged = 0;
  const charge = (usage: CoreUsage): CostFields => {
    const cost = costBlock(usage, parts.prices);
    charged = Math.min(cost.total_msats, account.balanceMsat);
    account.balanceMsat -= charged;
    account.reservedMsat -= need;
    return costFields(cost, account.balanceMsat);
  };
  const upstream = await ask(parts, body);
  if (body.stream !== true) {
    const answer = (await upstream.json()) as { usage: CoreUsage };
    const fields = charge(answer.usage);
    return sendJson(response, 200, withCost(answer, fields), {
      'x-routstr-cost-msats': String(charged),
    });
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for await (const event of eventsOf(upstream)) {
    const chunk = JSON.parse(event) as { usage?: CoreUsage | null };
    const { usage } = chunk;
    if (usage === undefined || usage === null) response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    else
      response.write(
        `data: ${JSON.stringify({ ...withCost({ ...chunk, usage }, charge(usage)), choices: [] })}\n\n`,
      );
  }
  response.end('data: [DONE]\n\n');
}

/** A chat paid with a token of its own: the whole answer is read before a byte of it is sent, because change is in a header. */
export async function chatWithToken(
  parts: CoreParts,
  order: { readonly token: string; readonly body: string },
  response: ServerResponse,
): Promise<void> {
  const body = JSON.parse(order.body) as ChatBody;
  const paid: { change: { readonly token: string; readonly sats: string } | undefined } = {
    change: undefined,
  };
  let sat: number;
  try {
    sat = await parts.till.redeem(order.token);
  } catch (error) {
    return refuse(response, 400, {
      type: 'token_already_spent',
      code: 'cashu_token_already_spent',
      message: String(error),
    });
  }
  parts.paidByToken.set(order.token, paid);
  const need = maxCost(parts, body);
  const giveBack = async (change: number): Promise<Record<string, string>> => {
    if (change <= 0) return {};
    paid.change = { token: await parts.till.pay(change), sats: String(change) };
    return { 'x-cashu': paid.change.token };
  };
  if (sat * 1000 < need) {
    const detail = {
      reason: 'Insufficient balance',
      amount_required_msat: need,
      model: body.model,
      type: 'minimum_balance_required',
    };
    return sendJson(response, 402, { detail }, await giveBack(sat));
  }
  const upstream = await ask(parts, body);
  if (body.stream !== true) {
    const answer = (await upstream.json()) as { usage: CoreUsage };
    const cost = costBlock(answer.usage, parts.prices);
    const headers = await giveBack(sat - Math.ceil(cost.total_msats / 1000));
    return sendJson(response, 200, withCost(answer, costFields(cost, undefined)), headers);
  }
  const lines: string[] = [];
  let headers: Record<string, string> = {};
  for await (const event of eventsOf(upstream)) {
    const chunk = JSON.parse(event) as { usage?: CoreUsage | null };
    if (chunk.usage !== undefined && chunk.usage !== null) {
      const cost = costBlock(chunk.usage, parts.prices);
      headers = await giveBack(sat - Math.ceil(cost.total_msats / 1000));
      lines.push(
        JSON.stringify(withCost({ ...chunk, usage: chunk.usage }, costFields(cost, undefined))),
      );
    } else lines.push(JSON.stringify(chunk));
  }
  response.writeHead(200, { 'content-type': 'text/event-stream', ...headers });
  response.end(`${lines.map((line) => `data: ${line}\n\n`).join('')}data: [DONE]\n\n`);
}

/** As core reserves: characters / 3, and `max_tokens` or all that the model can give. */
function maxCost(parts: CoreParts, body: ChatBody): number {
  const chars = body.messages.reduce((sum, { content }) => sum + String(content).length, 0);
  const output = body.max_tokens ?? parts.maxOutput;
  const { promptMsat, completionMsat } = parts.prices;
  return Math.max(1, Math.ceil(Math.floor(chars / 3) * promptMsat + output * completionMsat));
}

async function ask(parts: CoreParts, body: ChatBody): Promise<Response> {
  const include = body.stream === true ? { stream_options: { include_usage: true } } : {};
  const upstream = await fetch(`${parts.upstreamUrl}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...body, ...include }),
  });
  if (!upstream.ok) throw new Error(`the upstream answered ${upstream.status}`);
  return upstream;
}

/** Where core tells the cost; `remaining` is told for a key only. */
interface CostFields {
  readonly usage: object;
  readonly cost: object;
}

function costFields(
  cost: { readonly total_msats: number },
  remaining: number | undefined,
): CostFields {
  const sats = Math.ceil(cost.total_msats / 1000);
  const left = remaining === undefined ? {} : { remaining_balance_msats: remaining };
  return {
    usage: { cost, cost_sats: sats, ...left },
    cost: { ...cost, sats_cost: sats, ...left },
  };
}

function withCost(
  answer: { readonly usage: CoreUsage },
  { usage, cost }: CostFields,
): Readonly<Record<string, unknown>> {
  return {
    ...answer,
    provider: 'generic',
    usage: { ...answer.usage, ...usage },
    metadata: { routstr: { cost } },
    cost,
  };
}

async function* eventsOf(upstream: Response): AsyncGenerator<string> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const piece of upstream.body ?? []) {
    rest += decoder.decode(piece, { stream: true });
    const events = rest.split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) {
      const data = /^data: (.*)$/m.exec(event)?.[1];
      if (data !== undefined && data !== '[DONE]') yield data;
    }
  }
}
