import { JSONInt } from '@cashu/cashu-ts';

import { RouterError } from '../lib/errors.ts';
import { hexOf } from '../lib/hex.ts';
import { decodeCbor } from './cbor.ts';

/** A token as its text tells it: well-formed, but nothing in it is checked against a mint. */
export interface TokenText {
  readonly mint: string;
  /** `sat` where a cashuA token names none. */
  readonly unit: string;
  readonly proofs: readonly ProofText[];
}

export interface ProofText {
  /** Full or short keyset id, lower-case hex. */
  readonly keyset: string;
  readonly amount: bigint;
  readonly secret: string;
  readonly C: Uint8Array;
  /** Only when complete: a DLEQ without `r` proves nothing to a receiver. */
  readonly dleq: DleqText | undefined;
  readonly witness: string | undefined;
}

export interface DleqText {
  readonly e: Uint8Array;
  readonly s: Uint8Array;
  readonly r: Uint8Array;
}

export interface TokenTextLimits {
  readonly maxChars: number;
  readonly maxProofs: number;
}

/** NUT-10 limit of the mints; secrets and witnesses beyond it cannot be spent. */
const MAX_SECRET_CHARS = 1024;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads a NUT-00 token (cashuA or cashuB), with or without URI scheme, padding and surrounding whitespace, in base64 or
 * base64url. Throws RouterError `cashu_token_too_large` or `cashu_token_invalid`.
 */
export function readTokenText(text: string, limits: TokenTextLimits): TokenText {
  if (text.length > limits.maxChars) {
    throw new RouterError('cashu_token_too_large', 'The token is too long.');
  }
  const match = /^(?:(?:web\+)?cashu:(?:\/\/)?)?cashu([AB])(\S+)$/.exec(text.trim());
  const [, version, payload] = match ?? [];
  if (version === undefined || payload === undefined) throw invalid('This is no Cashu token.');

  const token = version === 'A' ? readA(bytesOf(payload), limits) : readB(bytesOf(payload), limits);
  if (token.proofs.length === 0) {
    throw new RouterError('cashu_token_zero_value', 'The token holds no coins.');
  }
  return token;
}

function readA(bytes: Uint8Array, limits: TokenTextLimits): TokenText {
  const root = decoded(() => JSONInt.parse(utf8.decode(bytes), undefined, { strict: true }));
  const entries = isRecord(root) ? root['token'] : undefined;
  if (!isRecord(root) || !Array.isArray(entries)) throw invalid('The token is malformed.');
  if (entries.length > 1) throw invalid('A token of several mints is not accepted.');
  const entry: unknown = entries[0];
  const proofs = isRecord(entry) ? entry['proofs'] : undefined;
  if (!isRecord(entry) || !Array.isArray(proofs)) throw invalid('The token is malformed.');
  checkCount(proofs.length, limits);
  return {
    mint: textOf(entry['mint']),
    unit: root['unit'] === undefined || root['unit'] === null ? 'sat' : textOf(root['unit']),
    proofs: proofs.map(proofOfA),
  };
}

function proofOfA(proof: unknown): ProofText {
  if (!isRecord(proof)) throw invalid('The token is malformed.');
  const dleq = proof['dleq'];
  return {
    keyset: keysetIdOf(proof['id']),
    amount: amountOf(proof['amount']),
    secret: secretOf(proof['secret']),
    C: hexBytes(proof['C']),
    dleq:
      isRecord(dleq) && dleq['r'] !== undefined && dleq['r'] !== null
        ? { e: hexBytes(dleq['e']), s: hexBytes(dleq['s']), r: hexBytes(dleq['r']) }
        : undefined,
    witness: witnessOf(proof['witness']),
  };
}

function readB(bytes: Uint8Array, limits: TokenTextLimits): TokenText {
  const root = decoded(() => decodeCbor(bytes));
  const groups = field(root, 't');
  if (!Array.isArray(groups)) throw invalid('The token is malformed.');
  const proofs: ProofText[] = [];
  for (const group of groups) {
    const keyset = keysetIdOf(hexOf(bytesField(group, 'i')));
    const members = field(group, 'p');
    if (!Array.isArray(members)) throw invalid('The token is malformed.');
    checkCount(proofs.length + members.length, limits);
    for (const member of members) proofs.push(proofOfB(keyset, member));
  }
  return { mint: textOf(field(root, 'm')), unit: textOf(field(root, 'u')), proofs };
}

function proofOfB(keyset: string, proof: unknown): ProofText {
  const dleq = field(proof, 'd');
  const r = dleq === undefined || dleq === null ? undefined : field(dleq, 'r');
  return {
    keyset,
    amount: amountOf(field(proof, 'a')),
    secret: secretOf(field(proof, 's')),
    C: bytesField(proof, 'c'),
    dleq:
      r instanceof Uint8Array
        ? { e: bytesField(dleq, 'e'), s: bytesField(dleq, 's'), r }
        : undefined,
    witness: witnessOf(field(proof, 'w')),
  };
}

function checkCount(count: number, limits: TokenTextLimits): void {
  if (count <= limits.maxProofs) return;
  throw new RouterError(
    'cashu_token_too_large',
    `The token has more than ${limits.maxProofs} coins; swap it at its mint for fewer.`,
  );
}

function bytesOf(payload: string): Uint8Array {
  const base64 = payload
    .replaceAll('-', '+')
    .replaceAll('_', '/')
    .replace(/={0,2}$/, '');
  if (!/^[A-Za-z0-9+/]+$/.test(base64) || base64.length % 4 === 1) {
    throw invalid('The token is cut off or not base64.');
  }
  return Buffer.from(base64, 'base64');
}

function decoded<T>(decode: () => T): T {
  try {
    return decode();
  } catch {
    // The cause is dropped on purpose: decoder messages quote the input, which holds secrets.
    throw invalid('The token is malformed or cut off.');
  }
}

function field(value: unknown, key: string): unknown {
  if (!(value instanceof Map)) throw invalid('The token is malformed.');
  return value.get(key);
}

function bytesField(value: unknown, key: string): Uint8Array {
  const bytes = field(value, key);
  if (!(bytes instanceof Uint8Array)) throw invalid('The token is malformed.');
  return bytes;
}

function keysetIdOf(value: unknown): string {
  const id = textOf(value).toLowerCase();
  if (!/^(?:[0-9a-f]{2}){8,33}$/.test(id))
    throw invalid('The token has a keyset id of an unknown form.');
  return id;
}

function amountOf(value: unknown): bigint {
  const amount = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof amount !== 'bigint' || amount <= 0n)
    throw invalid('The token has a coin without an amount.');
  return amount;
}

function secretOf(value: unknown): string {
  const secret = textOf(value);
  if (secret === '' || secret.length > MAX_SECRET_CHARS || !secret.isWellFormed()) {
    throw invalid('The token has a coin whose secret cannot be spent.');
  }
  return secret;
}

function witnessOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const witness = typeof value === 'string' ? value : JSONInt.stringify(value);
  if (witness === undefined || witness.length > MAX_SECRET_CHARS || !witness.isWellFormed()) {
    throw invalid('The token has a coin with a malformed witness.');
  }
  return witness;
}

function hexBytes(value: unknown): Uint8Array {
  const hex = textOf(value);
  if (!/^(?:[0-9a-f]{2})+$/i.test(hex)) throw invalid('The token is malformed.');
  return Buffer.from(hex, 'hex');
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw invalid('The token is malformed.');
  return value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(message: string): RouterError {
  return new RouterError('cashu_token_invalid', message);
}
