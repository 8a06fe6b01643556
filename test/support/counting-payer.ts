import OpenAI from 'openai';

import { createPayer as createWallet } from '../interop/payer.ts';
import { keepOutOfLogs, PROMPT_CANARY } from './test-log.ts';

/** A payer with the unmodified OpenAI SDK and a wallet that knows only the mint, who counts what everything cost. */
export interface CountingPayer {
  /** Pays for one answer with a token of its own and has all change back. Never rejects for what the router answers. */
  ask(how: Ask): Promise<Outcome>;
  /** A token that it has spent itself: worth nothing to others. */
  spentToken(sat: number): Promise<string>;
  /** What it has in its wallet of all that came back, sat. */
  readonly receivedSat: number;
}

export interface Ask {
  readonly stream: boolean;
  readonly scheme?: 'bearer' | 'x-cashu';
  /** The provider that is to answer; default: any. */
  readonly only?: string | undefined;
}

export interface Outcome {
  /** The whole answer came. */
  readonly isServed: boolean;
  readonly provider: string | undefined;
  readonly text: string;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** What the answer told. */
  readonly costMsat: number;
  /** The token, less the mint's fee for it and what came back. */
  readonly paidMsat: number;
  /** Why the payer is not whole, in words. */
  readonly faults: readonly string[];
}

export interface CountingPayerOptions {
  readonly url: string;
  readonly mintUrl: string;
  readonly model: string;
  /** The most that tokens may cost at a provider, msat. */
  readonly priceOf: (provider: string | undefined, input: number, output: number) => number;
}

const TOKEN_SAT = 300;
const MAX_TOKENS = 200;
/** Our own count of text differs from the upstream's by this at most, and the prompt has no more tokens than that. */
const COUNT_SLACK = 3;
const PROMPT_TOKENS = 60;

export async function createCountingPayer(options: CountingPayerOptions): Promise<CountingPayer> {
  const wallet = await createWallet(options.mintUrl);
  let receivedSat = 0;

  async function takeBack(token: string, told: string | undefined): Promise<string> {
    const back = told ?? (await refundOf(options.url, token));
    receivedSat += (await wallet.receive(back)) / 1000;
    return back;
  }

  return {
    get receivedSat() {
      return receivedSat;
    },
    async spentToken(sat) {
      const token = await wallet.fund(sat);
      receivedSat += (await wallet.receive(token)) / 1000;
      return token;
    },
    async ask(how) {
      const token = await wallet.fund(TOKEN_SAT);
      const seen = await send(options, how, token);
      const back = await takeBack(token, seen.change);
      const { msat, feeMsat } = wallet.read(token);
      const paidMsat = back === token ? 0 : msat - feeMsat - wallet.read(back).msat;
      const faults = [
        ...moneyFaults(options, seen, paidMsat),
        ...strangeMoney(seen.raw, back),
        ...(seen.change === undefined || seen.change === back ? [] : ['two kinds of change']),
      ];
      return { ...seen, paidMsat, faults };
    },
  };
}

/** All that is left of a token: itself, where the router never took it. */
async function refundOf(url: string, token: string): Promise<string> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${url}/v1/wallet/refund`, { method: 'POST', headers });
  if (response.status === 404) return token;
  const body = (await response.json()) as { readonly token?: string };
  if (body.token === undefined) throw new Error(`no refund: ${JSON.stringify(body)}`);
  keepOutOfLogs(body.token);
  return body.token;
}

interface Seen extends Omit<Outcome, 'paidMsat' | 'faults'> {
  readonly change: string | undefined;
  /** Pieces of the answer with content. */
  readonly pieces: number;
  /** All headers and bytes of it. */
  readonly raw: string;
}

type Reading = { -readonly [Key in keyof Seen]: Seen[Key] };

async function send(
  { url, model }: CountingPayerOptions,
  { stream, scheme, only }: Ask,
  token: string,
): Promise<Seen> {
  keepOutOfLogs(token);
  const seen: Reading = {
    isServed: false,
    provider: undefined,
    text: '',
    promptTokens: 0,
    completionTokens: 0,
    costMsat: 0,
    change: undefined,
    pieces: 0,
    raw: '',
  };
  const client = new OpenAI({
    baseURL: `${url}/v1`,
    apiKey: token,
    maxRetries: 0,
    fetch: async (to, init) => recorded(await fetch(to, init), seen),
    ...(scheme === 'x-cashu' && { defaultHeaders: { 'X-Cashu': token, Authorization: null } }),
  });
  const body = {
    model,
    max_tokens: MAX_TOKENS,
    messages: [{ role: 'user' as const, content: `${PROMPT_CANARY}: tell me a story` }],
    ...(only === undefined ? {} : { provider: { only: [only] } }),
  };
  try {
    await (stream ? readStream(client, body, seen) : readPlain(client, body, seen));
    seen.isServed = true;
  } catch (error) {
    if (!(error instanceof OpenAI.APIError) && !(error instanceof TypeError)) throw error;
  }
  return seen;
}

/** The same answer; what comes of it is noted. */
function recorded(answer: Response, seen: Reading): Response {
  const { status, headers, body } = answer;
  seen.provider = headers.get('x-nutroute-provider') ?? undefined;
  seen.raw += [...headers].map((field) => field.join(': ')).join('\n');
  const change = headers.get('x-cashu');
  if (change?.startsWith('cashu') === true) seen.change = change;
  const decoder = new TextDecoder();
  const noting = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      seen.raw += decoder.decode(chunk, { stream: true });
      controller.enqueue(chunk);
    },
  });
  return new Response(body?.pipeThrough(noting) ?? null, { status, headers });
}

type Body = OpenAI.ChatCompletionCreateParamsNonStreaming;

async function readPlain(client: OpenAI, body: Body, seen: Reading): Promise<void> {
  const answer = await client.chat.completions.create(body);
  seen.text = answer.choices[0]?.message.content ?? '';
  readEnd(answer, seen);
}

async function readStream(client: OpenAI, body: Body, seen: Reading): Promise<void> {
  for await (const chunk of await client.chat.completions.create({ ...body, stream: true })) {
    const content = chunk.choices[0]?.delta.content ?? '';
    if (content !== '') seen.pieces += 1;
    seen.text += content;
    readEnd(chunk, seen);
  }
}

function readEnd(said: { readonly usage?: unknown }, seen: Reading): void {
  const { x_cashu: change } = said as { x_cashu?: string };
  if (change !== undefined) seen.change = change;
  const usage = said.usage as (OpenAI.CompletionUsage & { cost?: { total_msats: number } }) | null;
  if (usage?.cost === undefined) return;
  seen.promptTokens = usage.prompt_tokens;
  seen.completionTokens = usage.completion_tokens;
  seen.costMsat = usage.cost.total_msats;
}

function moneyFaults(
  { priceOf }: CountingPayerOptions,
  seen: Seen,
  paidMsat: number,
): readonly string[] {
  const { isServed, provider, text, promptTokens, completionTokens, costMsat, pieces } = seen;
  if (!isServed && text === '') return paidMsat === 0 ? [] : [`paid ${paidMsat} for nothing`];
  const output = isServed ? completionTokens : pieces + COUNT_SLACK;
  const most = priceOf(provider, isServed ? promptTokens : PROMPT_TOKENS, output);
  const dust = paidMsat - costMsat;
  return [
    ...(costMsat > most ? [`${costMsat} is asked for what costs at most ${most}`] : []),
    ...(dust < 0 || dust >= 1000 ? [`paid ${paidMsat} for what cost ${costMsat}`] : []),
    ...(isServed && completionTokens > text.length ? ['more tokens than letters'] : []),
  ];
}

const MONEY = /cashu[AB][\w-]{20,}|creqA[\w-]+/g;

/** No money but its own change reaches a payer, and nobody asks it for money in another's name. */
function strangeMoney(raw: string, back: string): readonly string[] {
  return (raw.match(MONEY) ?? [])
    .filter((found) => !back.startsWith(found))
    .map((found) => `there is money in the answer: ${found.slice(0, 24)}`);
}
