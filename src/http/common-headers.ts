/** What a page may read of our answers. */
const EXPOSED = [
  'x-cashu',
  'x-request-id',
  'x-routstr-request-id',
  'x-nutroute-cost-msat',
  'x-nutroute-max-tokens',
  'x-nutroute-provider',
  'x-nutroute-route-reason',
  'x-routstr-cost-msats',
  'retry-after',
  'x-should-retry',
].join(', ');

/** The header lines of every answer: how to name this request, and CORS. No cookies are used, so any origin may call. */
export function commonHeaders(requestId: string): Record<string, string> {
  return {
    'access-control-allow-origin': '*',
    'access-control-expose-headers': EXPOSED,
    'x-request-id': requestId,
    'x-routstr-request-id': requestId,
  };
}
