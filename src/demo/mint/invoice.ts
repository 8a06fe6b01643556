import { createHash } from 'node:crypto';

import type { Crypto } from '../../crypto/crypto.ts';
import { decodeBech32, encodeBech32, regroup } from './bech32.ts';
import { signRecoverable } from './ecdsa.ts';

export interface InvoiceTerms {
  readonly amountMsat: number;
  readonly preimage: Uint8Array;
  /** The key of the Lightning node that nobody can reach. */
  readonly nodeKey: Uint8Array;
  readonly description: string;
  readonly createdAtS: number;
  readonly expiresInS: number;
}

/** A signed BOLT-11 invoice of the regtest network. */
export function makeInvoice(crypto: Crypto, terms: InvoiceTerms): string {
  const hash = createHash('sha256').update(terms.preimage).digest();
  const secret = createHash('sha256').update('secret').update(hash).digest();
  const prefix = `lnbcrt${amountText(terms.amountMsat)}`;
  const words = [
    ...numberWords(terms.createdAtS, 7),
    ...field('p', regroup(hash, 8, 5)),
    ...field('s', regroup(secret, 8, 5)),
    ...field('d', regroup(Buffer.from(terms.description).subarray(0, 600), 8, 5)),
    ...field('x', numberWords(terms.expiresInS, 6)),
    ...field('c', numberWords(18, 2)),
    // payment_secret is required, the TLV onion supported: bits 14 and 8
    ...field('9', numberWords((1 << 14) | (1 << 8), 3)),
  ];
  const signed = Buffer.concat([Buffer.from(prefix), Buffer.from(regroup(words, 5, 8))]);
  const digest = createHash('sha256').update(signed).digest();
  const signature = signRecoverable(crypto, digest, terms.nodeKey);
  return encodeBech32(prefix, [...words, ...regroup(signature, 8, 5)]);
}

const MSAT_PER_UNIT: Readonly<Record<string, number>> = {
  '': 100_000_000_000,
  m: 100_000_000,
  u: 100_000,
  n: 100,
};

/** The amount of an invoice in msat; undefined when it is none, is broken or names no amount. */
export function invoiceMsat(invoice: string): number | undefined {
  const decoded = decodeBech32(invoice.toLowerCase());
  const match = /^ln(?:bcrt|bc|tbs|tb)([1-9]\d{0,11})([munp]?)$/.exec(decoded?.prefix ?? '');
  if (match === null) return undefined;
  const [, digits = '', unit = ''] = match;
  const msat = unit === 'p' ? Number(digits) / 10 : Number(digits) * (MSAT_PER_UNIT[unit] ?? NaN);
  return Number.isSafeInteger(msat) ? msat : undefined;
}

function amountText(msat: number): string {
  return msat % 100 === 0 ? `${msat / 100}n` : `${msat * 10}p`;
}

function numberWords(value: number, length: number): readonly number[] {
  return Array.from({ length }, (_, at) => Math.floor(value / 32 ** (length - 1 - at)) % 32);
}

const TAGS: Readonly<Record<string, number>> = { p: 1, s: 16, d: 13, x: 6, c: 24, '9': 5 };

function field(tag: string, words: readonly number[]): readonly number[] {
  return [TAGS[tag] ?? 0, ...numberWords(words.length, 2), ...words];
}
