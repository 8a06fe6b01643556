import { isRecord } from '../../src/demo/json.ts';
import type { Answer } from './http-client.ts';

/** What a payer learns from the answer to a chat, however it ended. */
export interface ChatResult {
  readonly end: Answer['end'];
  readonly status: number;
  /** Msat, as the router tells it; undefined where it told none. */
  readonly cost: number | undefined;
  readonly usage: { readonly input: number; readonly output: number } | undefined;
  readonly change: string | undefined;
  /** The stable code of an error. */
  readonly error: string | undefined;
  readonly contentAtMs: readonly number[];
}

export function readChat(answer: Answer): ChatResult {
  const { end, status, contentAtMs } = answer;
  const type = answer.headers['content-type'] ?? '';
  const body = type.startsWith('text/event-stream') ? lastEvent(answer.text) : parse(answer.text);
  const usage = record(body['usage']);
  const told = record(usage['cost'])['total_msats'] ?? answer.headers['x-nutroute-cost-msat'];
  const header = answer.headers['x-cashu'];
  const inBody = body['x_cashu'];
  return {
    end,
    status,
    cost: told === undefined ? undefined : Number(told),
    usage:
      usage['cost'] === undefined
        ? undefined
        : { input: Number(usage['prompt_tokens']), output: Number(usage['completion_tokens']) },
    change: typeof inBody === 'string' ? inBody : changeIn(header, status),
    error: errorOf(body),
    contentAtMs,
  };
}

/** The header of a 402 asks for money (`creqA`); of any other answer it gives some back. */
function changeIn(header: string | string[] | undefined, status: number): string | undefined {
  const text = Array.isArray(header) ? header[0] : header;
  return text?.startsWith('cashu') === true && status !== 0 ? text : undefined;
}

function errorOf(body: Readonly<Record<string, unknown>>): string | undefined {
  const { code } = record(body['error']);
  return typeof code === 'string' ? code : undefined;
}

/** The fields of the events after the content: cost and change, and the error of an answer that broke off. */
function lastEvent(text: string): Readonly<Record<string, unknown>> {
  const events = text.split('\n\n').flatMap((event) => {
    const data = /^data: (\{.*)$/m.exec(event)?.[1];
    return data === undefined ? [] : [parse(data)];
  });
  return Object.assign({}, ...events.slice(-2)) as Readonly<Record<string, unknown>>;
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return record(JSON.parse(text));
  } catch {
    // An answer that was cut off.
    return {};
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}
