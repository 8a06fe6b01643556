import OpenAI from 'openai';

import { keepOutOfLogs, PROMPT_CANARY } from '../support/test-log.ts';

export interface ChatOptions {
  readonly stream?: boolean;
  readonly scheme?: 'bearer' | 'x-cashu';
  readonly model?: string;
  readonly maxTokens?: number;
  readonly prompt?: string;
}

/** One paid answer, as the unmodified OpenAI SDK sees it. */
export interface Paid {
  readonly text: string;
  readonly costMsat: number;
  /** What stays on the token's account. */
  readonly balanceMsat: number;
  readonly change: string | undefined;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** Pays a chat with a token. Rejects with the SDK's own errors; nothing is sent again by itself. */
export async function paidChat(
  routerUrl: string,
  token: string,
  options: ChatOptions = {},
): Promise<Paid> {
  keepOutOfLogs(token);
  const byHeader = options.scheme === 'x-cashu';
  const client = new OpenAI({
    baseURL: `${routerUrl}/v1`,
    apiKey: token,
    maxRetries: 0,
    ...(byHeader ? { defaultHeaders: { 'X-Cashu': token, Authorization: null } } : {}),
  });
  const body = {
    model: options.model ?? 'demo-model',
    messages: [{ role: 'user' as const, content: `${PROMPT_CANARY}: ${options.prompt ?? 'hi'}` }],
    ...(options.maxTokens === undefined ? {} : { max_tokens: options.maxTokens }),
  };
  const paid = options.stream === true ? await streamed(client, body) : await plain(client, body);
  if (paid.change !== undefined) keepOutOfLogs(paid.change);
  return paid;
}

type Body = OpenAI.ChatCompletionCreateParamsNonStreaming;

async function plain(client: OpenAI, body: Body): Promise<Paid> {
  const { data, response } = await client.chat.completions.create(body).withResponse();
  return {
    text: data.choices[0]?.message.content ?? '',
    change: response.headers.get('x-cashu') ?? (data as { x_cashu?: string }).x_cashu,
    ...usageOf(data.usage),
  };
}

async function streamed(client: OpenAI, body: Body): Promise<Paid> {
  const stream = await client.chat.completions.create({ ...body, stream: true });
  let text = '';
  let last: OpenAI.ChatCompletionChunk | undefined;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? '';
    last = chunk;
  }
  return { text, change: (last as { x_cashu?: string }).x_cashu, ...usageOf(last?.usage) };
}

function usageOf(usage: OpenAI.CompletionUsage | null | undefined): Omit<Paid, 'text' | 'change'> {
  if (usage === null || usage === undefined) throw new Error('the answer tells no usage');
  const { cost } = usage as OpenAI.CompletionUsage & {
    readonly cost: { readonly total_msats: number; readonly remaining_balance_msats: number };
  };
  return {
    costMsat: cost.total_msats,
    balanceMsat: cost.remaining_balance_msats,
    promptTokens: usage.prompt_tokens,
    completionTokens: usage.completion_tokens,
  };
}

export interface Refund {
  readonly token: string;
  readonly msat: number;
}

/** Everything that is left of a token, as a token. */
export async function refund(routerUrl: string, token: string): Promise<Refund> {
  const response = await fetch(`${routerUrl}/v1/wallet/refund`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  });
  const body = (await response.json()) as { token: string; sats: string };
  if (!response.ok) throw new Error(`the refund was refused: ${JSON.stringify(body)}`);
  keepOutOfLogs(body.token);
  return { token: body.token, msat: Number(body.sats) * 1000 };
}

/** What is still on a token's account, beside change that is out. */
export async function balanceOnAccount(routerUrl: string, token: string): Promise<number> {
  const response = await fetch(`${routerUrl}/v1/wallet/info`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const info = (await response.json()) as { balance_msats: number; change_out_msats: number };
  return info.balance_msats - info.change_out_msats;
}
