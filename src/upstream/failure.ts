import { errors } from 'undici';

import { UpstreamFailure } from './upstream.ts';

/** What the HTTP client met, in our words. `answered`: the head of an answer was there. */
export function failureOf(error: unknown, answered: boolean): UpstreamFailure {
  if (error instanceof UpstreamFailure) return error;
  const cause = { cause: error };
  if (error instanceof errors.HTTPParserError || error instanceof errors.HeadersOverflowError) {
    return new UpstreamFailure('protocol', 'the upstream does not speak HTTP', cause);
  }
  return answered
    ? new UpstreamFailure('broken', 'the connection broke within the answer', cause)
    : new UpstreamFailure('unreachable', 'no answer came', cause);
}

const MAX_RETRY_AFTER_S = 3600;

/** Seconds of a `retry-after` header; undefined for dates, which no inference server sends. */
export function retryAfterOf(header: string | undefined): number | undefined {
  if (header === undefined || !/^\d{1,6}$/.test(header)) return undefined;
  return Math.min(Number(header), MAX_RETRY_AFTER_S);
}
