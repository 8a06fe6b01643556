import type { IncomingHttpHeaders } from 'node:http';

import type { UpstreamOptions } from './options.ts';

export interface RequestHeaders {
  readonly stream: Readonly<Record<string, string>>;
  readonly json: Readonly<Record<string, string>>;
  readonly list: Readonly<Record<string, string>>;
}

const USER_AGENT = 'nutroute/0.1';

/** All that an upstream is sent. Nothing of it comes from the payer. */
export function requestHeaders({
  apiKey,
  headers,
}: Pick<UpstreamOptions, 'apiKey' | 'headers'>): RequestHeaders {
  const all = {
    'user-agent': USER_AGENT,
    // What is compressed cannot be metered while it streams.
    'accept-encoding': 'identity',
    ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
    ...headers,
  };
  const type = { 'content-type': 'application/json' };
  return {
    stream: { accept: 'text/event-stream', ...type, ...all },
    json: { accept: 'application/json', ...type, ...all },
    list: { accept: 'application/json', ...all },
  };
}

/** Response headers that reach the payer, and their names there. */
const FORWARDED: ReadonlyMap<string, string> = new Map([
  ['content-type', 'content-type'],
  ['x-request-id', 'upstream-request-id'],
  ['openai-processing-ms', 'openai-processing-ms'],
]);
const HARMLESS_VALUE = /^[\x20-\x7e]{1,200}$/;

export function answerHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const answer: Record<string, string> = {};
  for (const [theirs, ours] of FORWARDED) {
    const value = headerOf(headers, theirs);
    if (value !== undefined && HARMLESS_VALUE.test(value)) answer[ours] = value;
  }
  return answer;
}

/** The kind of a 200 answer; undefined when it is neither, as HTML, or compressed against our word. */
export function answerKind(
  headers: IncomingHttpHeaders,
  asksForStream: boolean,
): 'json' | 'stream' | undefined {
  const encoding = headerOf(headers, 'content-encoding') ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') return undefined;
  const type = headerOf(headers, 'content-type')?.toLowerCase();
  if (type === undefined) return asksForStream ? 'stream' : 'json';
  if (type.startsWith('text/event-stream')) return 'stream';
  return type.startsWith('application/json') ? 'json' : undefined;
}

export function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
