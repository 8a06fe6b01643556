import { createHmac, hash } from 'node:crypto';

import type { Backend } from './backend.ts';
import { falseAtInfinity, requirePoints } from './backend.ts';
import type { Dleq } from './crypto.ts';
import { hashToCurve } from './hash-to-curve.ts';
import { isScalar, negated, numberOf, requireScalar, scalarOf } from './scalar.ts';

const NONCE_DOMAIN = Buffer.from('Cashu_DLEQ_R_v1');
/** NUT-12 allows one byte of tries; that even the second is needed does not happen. */
const MAX_NONCE_TRIES = 256;

/** What a mint signed, and with which key. */
interface Signed {
  readonly blinded: Uint8Array;
  readonly blindSignature: Uint8Array;
  readonly mintKey: Uint8Array;
}

export function verifySignatureDleq(backend: Backend, signed: Signed, dleq: Dleq): boolean {
  const { blinded, blindSignature, mintKey } = signed;
  if (!isScalar(dleq.e) || !isScalar(dleq.s)) return false;
  if (![blinded, blindSignature, mintKey].every((point) => backend.isPoint(point))) return false;
  return falseAtInfinity(() => holds(backend, signed, dleq));
}

/** The same for an unblinded proof, whose B' and C' the blinding factor brings back: Y + rG and C + rA. */
export function verifyProofDleq(
  backend: Backend,
  proof: { readonly secret: Uint8Array; readonly C: Uint8Array },
  witness: { readonly mintKey: Uint8Array; readonly dleq: Dleq & { readonly r: Uint8Array } },
): boolean {
  const { mintKey, dleq } = witness;
  if (![dleq.e, dleq.s, dleq.r].every(isScalar)) return false;
  if (!backend.isPoint(proof.C) || !backend.isPoint(mintKey)) return false;
  return falseAtInfinity(() => {
    const blinded = backend.add(hashToCurve(backend, proof.secret), backend.base(dleq.r));
    const blindSignature = backend.add(proof.C, backend.multiply(mintKey, dleq.r));
    return holds(backend, { blinded, blindSignature, mintKey }, dleq);
  });
}

/** e == H(R1, R2, A, C') with R1 = sG - eA and R2 = sB' - eC'. */
function holds(backend: Backend, signed: Signed, { e, s }: Dleq): boolean {
  const { blinded, blindSignature, mintKey } = signed;
  const minusE = negated(e);
  const r1 = backend.add(backend.base(s), backend.multiply(mintKey, minusE));
  const r2 = backend.add(backend.multiply(blinded, s), backend.multiply(blindSignature, minusE));
  return challenge(backend, [r1, r2, mintKey, blindSignature]).equals(e);
}

/** The DLEQ of `blindSignature`. Throws RangeError on what is no point or scalar. */
export function proveDleq(
  backend: Backend,
  signature: {
    readonly blinded: Uint8Array;
    readonly blindSignature: Uint8Array;
    readonly privateKey: Uint8Array;
  },
): Dleq {
  const { blinded, blindSignature, privateKey } = signature;
  requireScalar(privateKey);
  requirePoints(backend, blinded, blindSignature);
  const mintKey = backend.base(privateKey);
  const signed = [mintKey, blinded, blindSignature].map((point) => backend.uncompress(point));
  const nonce = nonceOf(privateKey, signed);
  const r1 = backend.base(nonce);
  const r2 = backend.multiply(blinded, nonce);
  const e = challenge(backend, [r1, r2, mintKey, blindSignature]);
  return { e, s: scalarOf(numberOf(nonce) + numberOf(e) * numberOf(privateKey)) };
}

/** NUT-12's deterministic nonce: one used twice would give the private key away. */
function nonceOf(privateKey: Uint8Array, signed: readonly Uint8Array[]): Uint8Array {
  for (let counter = 0; counter < MAX_NONCE_TRIES; counter += 1) {
    const input = Buffer.concat([NONCE_DOMAIN, ...signed, Uint8Array.of(counter)]);
    const nonce = createHmac('sha256', privateKey).update(input).digest();
    if (isScalar(nonce)) return nonce;
  }
  throw new RangeError('no nonce was found');
}

/** NUT-12 hash_e: over the uncompressed points in hex. */
export function challenge(backend: Backend, points: readonly Uint8Array[]): Buffer {
  const bytes = points.map((point) => (point.length === 65 ? point : backend.uncompress(point)));
  return hash('sha256', Buffer.concat(bytes).toString('hex'), 'buffer');
}
