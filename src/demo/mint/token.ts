import { randomBytes } from 'node:crypto';

import type { MintCore } from './core.ts';
import { splitAmount } from './keyset.ts';
import { sumOf } from './transaction.ts';

/** A fresh proof with its DLEQ (NUT-12). */
export interface FreshProof {
  readonly id: string;
  readonly amount: number;
  readonly secret: string;
  readonly C: Uint8Array;
  readonly dleq: { readonly e: string; readonly s: string; readonly r: Uint8Array };
}

/** Makes money: proofs signed without any payment. Throws RangeError when `amounts` do not sum to `amount`. */
export function makeProofs(
  core: MintCore,
  wish: { readonly amount: number; readonly unit: string; readonly amounts?: readonly number[] },
): readonly FreshProof[] {
  const keyset = core.activeKeyset(wish.unit);
  const amounts = wish.amounts ?? splitAmount(wish.amount);
  if (amounts.reduce((sum, amount) => sum + amount, 0) !== wish.amount) {
    throw new RangeError('the amounts of a faucet must sum to its amount');
  }
  const blanks = amounts.map((amount) => {
    const secret = randomBytes(32).toString('hex');
    const r = randomBytes(32);
    const B_ = Buffer.from(core.crypto.blind(Buffer.from(secret), r)).toString('hex');
    return { secret, r, output: { amount, id: keyset.id, B_ } };
  });
  const signed = core.transactions.sign(blanks.map(({ output }) => output));
  const flow = { unit: wish.unit, paidIn: sumOf(signed), paidOut: 0, fees: 0 };
  core.state.commit({ signed, flow });
  return blanks.flatMap(({ secret, r }, at) => {
    const signature = signed[at];
    if (signature === undefined) return [];
    const { id, amount, C_, dleq } = signature;
    const mintKey = Buffer.from(keyset.publicKeys[amount] ?? '', 'hex');
    const C = core.crypto.unblind(Buffer.from(C_, 'hex'), r, mintKey);
    return [{ id, amount, secret, C, dleq: { ...dleq, r } }];
  });
}

/** NUT-00 V4 token (`cashuB`) of one keyset, with the short id of a version 2 keyset. */
export function encodeToken(mintUrl: string, unit: string, proofs: readonly FreshProof[]): string {
  const id = Buffer.from(proofs[0]?.id ?? '', 'hex').subarray(0, 8);
  const items = proofs.map(({ amount, secret, C, dleq }) => ({
    a: amount,
    s: secret,
    c: C,
    d: { e: Buffer.from(dleq.e, 'hex'), s: Buffer.from(dleq.s, 'hex'), r: dleq.r },
  }));
  const token = encodeCbor({ m: mintUrl, u: unit, t: [{ i: id, p: items }] });
  return `cashuB${token.toString('base64url')}`;
}

type Cbor = number | string | Uint8Array | readonly Cbor[] | { readonly [key: string]: Cbor };

function encodeCbor(value: Cbor): Buffer {
  if (typeof value === 'number') return cborHead(0, value);
  if (typeof value === 'string') {
    const text = Buffer.from(value);
    return Buffer.concat([cborHead(3, text.length), text]);
  }
  if (value instanceof Uint8Array) return Buffer.concat([cborHead(2, value.length), value]);
  if (isCborList(value)) {
    return Buffer.concat([cborHead(4, value.length), ...value.map(encodeCbor)]);
  }
  const entries = Object.entries(value);
  const pairs = entries.flatMap(([key, inner]) => [encodeCbor(key), encodeCbor(inner)]);
  return Buffer.concat([cborHead(5, entries.length), ...pairs]);
}

function isCborList(value: Cbor): value is readonly Cbor[] {
  return Array.isArray(value);
}

function cborHead(major: number, value: number): Buffer {
  const type = major << 5;
  if (value < 24) return Buffer.from([type | value]);
  const head = Buffer.alloc(9);
  if (value < 256) {
    head.writeUInt8(type | 24);
    head.writeUInt8(value, 1);
    return head.subarray(0, 2);
  }
  if (value < 65_536) {
    head.writeUInt8(type | 25);
    head.writeUInt16BE(value, 1);
    return head.subarray(0, 3);
  }
  head.writeUInt8(type | 27);
  head.writeBigUInt64BE(BigInt(value), 1);
  return head;
}
