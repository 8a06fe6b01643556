import type { OutgoingHttpHeaders } from 'node:http';

import type { RouterError } from '../lib/errors.ts';
import { errorBody } from '../openai/error-body.ts';
import type { Settlement } from '../payment/rail.ts';
import { settlementHeaders } from './settlement-headers.ts';

export interface ErrorAnswer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
}

/** An error as HTTP; with the cost and change of the settlement, where the request had been paid. */
export function errorAnswer(
  error: RouterError,
  requestId: string,
  settlement?: Settlement,
): ErrorAnswer {
  const change = settlement?.change;
  const headers: OutgoingHttpHeaders = {
    'content-type': 'application/json',
    'cache-control': 'no-store',
  };
  for (const [name, value] of Object.entries(error.headers)) {
    headers[name] = typeof value === 'string' ? value : [...value];
  }
  if (settlement !== undefined) Object.assign(headers, settlementHeaders(settlement));
  // Once its change has left, the same credential pays for nothing any more.
  if (error.resend === 'never' || change !== undefined) headers['x-should-retry'] = 'false';
  if (error.retryAfterS !== undefined) headers['retry-after'] = String(error.retryAfterS);
  const inBody = change === undefined || change.header ? {} : { x_cashu: change.token };
  return { status: error.status, headers, body: errorBody(error, requestId, inBody) };
}
