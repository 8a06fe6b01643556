import { hash, randomBytes } from 'node:crypto';

import type { Backend } from './backend.ts';
import { isScalar, numberOf, ORDER, requireScalar, scalarOf } from './scalar.ts';

/** BIP340 over a backend's point operations. */
export function schnorrSign(
  backend: Backend,
  message: Uint8Array,
  key: { readonly privateKey: Uint8Array; readonly auxRand?: Uint8Array | undefined },
): Uint8Array {
  if (message.length !== 32) throw new TypeError('BIP340 signs 32 bytes');
  requireScalar(key.privateKey);
  const point = backend.base(key.privateKey);
  const secret = evenSecret(key.privateKey, point);
  const x = point.subarray(1);
  const aux = tagged('BIP0340/aux', key.auxRand ?? randomBytes(32));
  const masked = scalarBytes(secret).map((byte, index) => byte ^ (aux[index] ?? 0));
  const seed = numberOf(tagged('BIP0340/nonce', masked, x, message)) % ORDER;
  if (seed === 0n) throw new RangeError('BIP340: the nonce is zero');
  const noncePoint = backend.base(scalarOf(seed));
  const nonce = noncePoint[0] === 2 ? seed : ORDER - seed;
  const r = noncePoint.subarray(1);
  const e = numberOf(tagged('BIP0340/challenge', r, x, message)) % ORDER;
  return Buffer.concat([r, scalarOf(nonce + e * secret)]);
}

export function schnorrVerify(
  backend: Backend,
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  const point = Buffer.concat([Uint8Array.of(2), publicKey]);
  if (signature.length !== 64 || message.length !== 32 || !backend.isPoint(point)) return false;
  const r = signature.subarray(0, 32);
  const s = signature.subarray(32);
  if (numberOf(s) >= ORDER) return false;
  const e = numberOf(tagged('BIP0340/challenge', r, publicKey, message)) % ORDER;
  // R = sG - eP, compared by x with an even y.
  const expected = Buffer.concat([Uint8Array.of(2), r]);
  return expected.equals(combination(backend, s, { e, point }) ?? new Uint8Array());
}

function combination(
  backend: Backend,
  s: Uint8Array,
  right: { readonly e: bigint; readonly point: Uint8Array },
): Uint8Array | undefined {
  const left = isScalar(s) ? backend.base(s) : undefined;
  const minus =
    right.e === 0n ? undefined : backend.multiply(right.point, scalarOf(ORDER - right.e));
  if (left === undefined || minus === undefined) return left ?? minus;
  try {
    return backend.add(left, minus);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function evenSecret(privateKey: Uint8Array, point: Uint8Array): bigint {
  const secret = numberOf(privateKey);
  return point[0] === 2 ? secret : ORDER - secret;
}

function scalarBytes(value: bigint): Uint8Array {
  return scalarOf(value);
}

function tagged(tag: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const prefix = hash('sha256', tag, 'buffer');
  return hash('sha256', Buffer.concat([prefix, prefix, ...parts]), 'buffer');
}
