import { hash } from 'node:crypto';

import type { ChangeMode } from '../../ledger/sql.ts';
import { RouterError } from '../../lib/errors.ts';
import type { Credentials } from '../rail.ts';

export interface CashuCredential {
  /** The token as it was spelled; not decoded. */
  readonly text: string;
  /** SHA-256 of `text`: what memory keeps instead of it. */
  readonly key: string;
  readonly scheme: 'bearer' | 'cashu' | 'x-cashu';
  /** The change mode that the request itself asks for. */
  readonly mode: ChangeMode | undefined;
}

/**
 * The Cashu token of a request: `Authorization: Bearer cashu...`, `Authorization: Cashu ...` or `X-Cashu: ...`, which mean the
 * same but for the change mode (the latter two: `token`, unless `X-Cashu-Change` says otherwise). Undefined when there is none.
 */
export function cashuCredential(credentials: Credentials): CashuCredential | undefined {
  const found = tokenOf(credentials);
  if (found === undefined) return undefined;
  const asked = askedMode(credentials.headers['x-cashu-change']);
  return {
    ...found,
    key: hash('sha256', found.text, 'base64'),
    mode: asked ?? (found.scheme === 'bearer' ? undefined : 'token'),
  };
}

function tokenOf(credentials: Credentials): Pick<CashuCredential, 'text' | 'scheme'> | undefined {
  const { authorization } = credentials.headers;
  if (authorization !== undefined) {
    const bearer = /^bearer\s+((?:cashu:)?cashu\S+)\s*$/i.exec(authorization)?.[1];
    if (bearer !== undefined) return { text: bearer, scheme: 'bearer' };
    const cashu = /^cashu\s+(\S+)\s*$/i.exec(authorization)?.[1];
    if (cashu !== undefined) return { text: cashu, scheme: 'cashu' };
  }
  const header = credentials.headers['x-cashu'];
  const text = (Array.isArray(header) ? header[0] : header)?.trim();
  return text === undefined || text === '' ? undefined : { text, scheme: 'x-cashu' };
}

function askedMode(header: string | readonly string[] | undefined): 'keep' | 'token' | undefined {
  const value = typeof header === 'string' ? header.trim() : header?.[0]?.trim();
  if (value === undefined || value === '') return undefined;
  if (value === 'keep' || value === 'token') return value;
  throw new RouterError(
    'change_mode_not_supported',
    'X-Cashu-Change must be "keep" or "token" here.',
    { param: 'x-cashu-change' },
  );
}
