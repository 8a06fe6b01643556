import { createHash, randomBytes } from 'node:crypto';

import { hashToCurve } from '@cashu/cashu-ts';
import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js';

import type { Crypto } from '../../crypto/crypto.ts';

const { Point } = secp256k1;
const number = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
const bytes = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
const point = (from: Uint8Array) => Point.fromHex(Buffer.from(from).toString('hex'));

/** Stands in until src/crypto is there. */
export function loadCrypto(): Promise<Crypto> {
  return Promise.resolve({
    backend: 'noble',
    isPoint(from) {
      try {
        return point(from).toBytes().length > 0;
      } catch (error) {
        return !(error instanceof Error);
      }
    },
    publicKey: (k) => Point.BASE.multiply(number(k)).toBytes(true),
    hashToCurve: (m) => hashToCurve(m).toBytes(true),
    blind: (s, r) =>
      hashToCurve(s)
        .add(Point.BASE.multiply(number(r)))
        .toBytes(true),
    unblind: (C_, r, K) =>
      point(C_)
        .subtract(point(K).multiply(number(r)))
        .toBytes(true),
    verifySignatureDleq: () => false,
    verifyProofDleq: () => false,
    signBlinded: (B, k) => point(B).multiply(number(k)).toBytes(true),
    proveDleq(B, C, k) {
      const order = Point.Fn.ORDER;
      const p = number(randomBytes(32)) % order;
      const points = [
        Point.BASE.multiply(p),
        point(B).multiply(p),
        Point.BASE.multiply(number(k)),
        point(C),
      ];
      const text = points.map((each) => each.toHex(false)).join('');
      const e = createHash('sha256').update(text).digest();
      return { e, s: bytes((p + number(e) * number(k)) % order) };
    },
    verifyProof: (s, C, k) => hashToCurve(s).multiply(number(k)).equals(point(C)),
    schnorrSign: (m, k) => schnorr.sign(m, k),
    schnorrVerify(signature, m, key) {
      try {
        return schnorr.verify(signature, m, key);
      } catch (error) {
        return !(error instanceof Error);
      }
    },
  });
}
