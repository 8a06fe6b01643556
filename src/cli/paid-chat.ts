import OpenAI, { APIError } from 'openai';

import { fieldOf } from './router-client.ts';

export interface PaidChatRequest {
  readonly router: string;
  /** Paid with: everything of it may be spent. */
  readonly token: string;
  readonly model: string;
  readonly question: string;
  readonly signal: AbortSignal;
  readonly onText: (text: string) => void;
}

export interface PaidChat {
  readonly text: string;
  /** The change token, if it came with the answer. */
  readonly change: string | undefined;
  readonly costMsat: number | undefined;
  /** Why the answer is not complete, for people. */
  readonly error: string | undefined;
}

/**
 * One streamed chat, paid with a token in `X-Cashu`. Never rejects: whatever happened, the caller has to look after the
 * change.
 */
export async function paidChat(request: PaidChatRequest): Promise<PaidChat> {
  const chat: Progress = { text: '', change: undefined, costMsat: undefined };
  try {
    await stream(request, chat);
    return { ...chat, error: request.signal.aborted ? 'stopped' : undefined };
  } catch (error) {
    chat.change ??= changeOfError(error);
    return { ...chat, error: error instanceof Error ? error.message : String(error) };
  }
}

/** What has come so far. */
interface Progress {
  text: string;
  change: string | undefined;
  costMsat: number | undefined;
}

async function stream(request: PaidChatRequest, chat: Progress): Promise<void> {
  const client = new OpenAI({
    baseURL: `${request.router}/v1`,
    apiKey: 'none',
    defaultHeaders: { authorization: null, 'x-cashu': request.token },
    // A token is presented once; what became of it is asked for afterwards.
    maxRetries: 0,
  });
  const { model, question, signal } = request;
  const { data: chunks, response } = await client.chat.completions
    .create({ model, messages: [{ role: 'user', content: question }], stream: true }, { signal })
    .withResponse();
  chat.change = textOf(response.headers.get('x-cashu'));
  for await (const chunk of chunks) {
    const piece = chunk.choices[0]?.delta.content ?? '';
    chat.text += piece;
    if (piece !== '') request.onText(piece);
    chat.change = textOf(fieldOf(chunk, 'x_cashu')) ?? chat.change;
    chat.costMsat = costOf(chunk.usage) ?? chat.costMsat;
  }
}

function changeOfError(error: unknown): string | undefined {
  if (!(error instanceof APIError)) return undefined;
  // The types promise headers; an error of the connection has none.
  const headers: Headers | undefined = error.headers;
  return textOf(headers?.get('x-cashu')) ?? textOf(fieldOf(error.error, 'x_cashu'));
}

function costOf(usage: unknown): number | undefined {
  const cost = fieldOf(fieldOf(usage, 'cost'), 'total_msats');
  return typeof cost === 'number' ? cost : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
