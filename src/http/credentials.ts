import type { IncomingHttpHeaders } from 'node:http';

import type { FastifyRequest } from 'fastify';

import { RouterError } from '../lib/errors.ts';
import type { Credentials } from '../payment/rail.ts';
import { payerAddress } from './payer-address.ts';

/** What of a request a rail may see. Throws `multiple_credentials`. */
export function credentialsOf(request: FastifyRequest): Credentials {
  const { headers, raw } = request;
  refuseSecondCredential(headers, raw.rawHeaders);
  return {
    headers,
    rawHeaders: raw.rawHeaders,
    requestId: request.id,
    address: payerAddress(request.ip),
  };
}

/**
 * Refuses a request that carries more than one credential: whichever we took, the payer may have meant the other.
 * Node keeps only the first `Authorization` line and joins `X-Cashu` lines, so the raw header list is counted. The same
 * token in both headers is one credential. Throws `multiple_credentials`.
 */
function refuseSecondCredential(headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
  if (countLines(rawHeaders, 'authorization') > 1 || countLines(rawHeaders, 'x-cashu') > 1) {
    throw tooMany();
  }
  const header = headers['x-cashu'];
  if (header === undefined) return;
  const bearer = tokenOf(headers.authorization);
  if (bearer !== undefined && bearer !== String(header).trim()) throw tooMany();
}

function countLines(rawHeaders: readonly string[], name: string): number {
  let lines = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const candidate = rawHeaders[index];
    if (candidate?.length === name.length && candidate.toLowerCase() === name) lines += 1;
  }
  return lines;
}

/** An OpenAI client cannot leave its API key out, so a Bearer value that is no token (`unused`, `sk-none`) is no credential. */
function tokenOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  const match = /^(?:cashu\s+|bearer\s+(?=cashu))(\S+)\s*$/i.exec(authorization);
  return match?.[1];
}

function tooMany(): RouterError {
  return new RouterError(
    'multiple_credentials',
    'Send one credential only: either Authorization or X-Cashu, once.',
  );
}
