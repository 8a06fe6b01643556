import { hash, randomBytes } from 'node:crypto';

import type { Backend } from './backend.ts';
import { falseAtInfinity } from './backend.ts';
import { isScalar, negated, numberOf, ORDER, requireScalar, scalarOf } from './scalar.ts';

const AUX = tagOf('BIP0340/aux');
const NONCE = tagOf('BIP0340/nonce');
const CHALLENGE = tagOf('BIP0340/challenge');

/** BIP340 over a backend's point operations. Throws on a message or `auxRand` that has not 32 bytes, and on a bad key. */
export function schnorrSign(
  backend: Backend,
  message: Uint8Array,
  key: { readonly privateKey: Uint8Array; readonly auxRand?: Uint8Array | undefined },
): Uint8Array {
  const { auxRand = randomBytes(32) } = key;
  if (message.length !== 32) throw new TypeError('BIP340 signs 32 bytes');
  if (auxRand.length !== 32) throw new TypeError('BIP340 takes 32 random bytes');
  requireScalar(key.privateKey);
  const point = backend.compress(backend.base(key.privateKey));
  const secret = evenSecret(key.privateKey, point);
  const x = point.subarray(1);
  const aux = tagged(AUX, auxRand);
  const masked = scalarOf(secret).map((byte, index) => byte ^ (aux[index] ?? 0));
  const seed = numberOf(tagged(NONCE, masked, x, message)) % ORDER;
  if (seed === 0n) throw new RangeError('BIP340: the nonce is zero');
  const noncePoint = backend.compress(backend.base(scalarOf(seed)));
  const nonce = noncePoint[0] === 2 ? seed : ORDER - seed;
  const r = noncePoint.subarray(1);
  const e = numberOf(tagged(CHALLENGE, r, x, message)) % ORDER;
  return Buffer.concat([r, scalarOf(nonce + e * secret)]);
}

/** False for anything that is no valid signature, whatever its shape. */
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
  const e = scalarOf(numberOf(tagged(CHALLENGE, r, publicKey, message)));
  // BIP340 allows zero for both, but nobody can make a signature that has one.
  if (!isScalar(s) || !isScalar(e)) return false;
  // R = sG - eP, compared by its x, with an even y.
  const expected = Buffer.concat([Uint8Array.of(2), r]);
  return falseAtInfinity(() => {
    const sum = backend.add(backend.base(s), backend.multiply(point, negated(e)));
    return expected.equals(backend.compress(sum));
  });
}

function evenSecret(privateKey: Uint8Array, point: Uint8Array): bigint {
  const secret = numberOf(privateKey);
  return point[0] === 2 ? secret : ORDER - secret;
}

/** What BIP340 puts before everything that is hashed under a tag. */
function tagOf(tag: string): Uint8Array {
  const digest = hash('sha256', tag, 'buffer');
  return Buffer.concat([digest, digest]);
}

function tagged(tag: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  return hash('sha256', Buffer.concat([tag, ...parts]), 'buffer');
}
