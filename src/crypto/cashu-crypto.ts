import { hash } from 'node:crypto';

import type { Backend } from './backend.ts';
import { negate } from './backend.ts';
import type { Crypto, Dleq } from './crypto.ts';
import { isScalar, numberOf, randomScalar, requireScalar, scalarOf } from './scalar.ts';
import { schnorrSign, schnorrVerify } from './schnorr.ts';

const DOMAIN = Buffer.from('Secp256k1_HashToCurve_Cashu_');
/** Half of all hashes are no point; that this many in a row are none does not happen. */
const MAX_TRIES = 65_536;

/** The algebra of NUT-00 and NUT-12 over a backend. */
export function cashuCrypto(backend: Backend): Crypto {
  return {
    backend: backend.name,
    isPoint: (bytes) => backend.isPoint(bytes),
    publicKey(privateKey) {
      requireScalar(privateKey);
      return backend.base(privateKey);
    },
    hashToCurve: (message) => hashToCurve(backend, message),
    blind(secret, r) {
      requireScalar(r);
      return backend.add(hashToCurve(backend, secret), backend.base(r));
    },
    unblind(blindSignature, r, mintKey) {
      requireScalar(r);
      requirePoints(backend, blindSignature, mintKey);
      return backend.add(blindSignature, negate(backend.multiply(mintKey, r)));
    },
    verifySignatureDleq(blinded, blindSignature, mintKey, dleq) {
      return verifies(backend, [blinded, blindSignature, mintKey], dleq);
    },
    verifyProofDleq(proof, mintKey, dleq) {
      return verifiesUnblinded(backend, proof, { mintKey, dleq });
    },
    signBlinded(blinded, privateKey) {
      requireScalar(privateKey);
      requirePoints(backend, blinded);
      return backend.multiply(blinded, privateKey);
    },
    proveDleq: (blinded, blindSignature, privateKey) =>
      prove(backend, { blinded, blindSignature, privateKey }),
    verifyProof(secret, C, privateKey) {
      requireScalar(privateKey);
      const expected = backend.multiply(hashToCurve(backend, secret), privateKey);
      return Buffer.from(expected).equals(C);
    },
    schnorrSign: (message, privateKey, auxRand) =>
      schnorrSign(backend, message, { privateKey, auxRand }),
    schnorrVerify: (signature, message, publicKey) =>
      schnorrVerify(backend, signature, message, publicKey),
  };
}

function hashToCurve(backend: Backend, message: Uint8Array): Uint8Array {
  const seed = hash('sha256', Buffer.concat([DOMAIN, message]), 'buffer');
  const input = Buffer.alloc(36);
  seed.copy(input);
  const candidate = new Uint8Array(33);
  candidate[0] = 2;
  for (let counter = 0; counter < MAX_TRIES; counter += 1) {
    input.writeUInt32LE(counter, 32);
    candidate.set(hash('sha256', input, 'buffer'), 1);
    if (backend.isPoint(candidate)) return candidate;
  }
  throw new RangeError('no point of the curve was found');
}

/** e == H(R1, R2, A, C') with R1 = sG - eA and R2 = sB' - eC'. */
function verifies(
  backend: Backend,
  points: readonly [blinded: Uint8Array, blindSignature: Uint8Array, mintKey: Uint8Array],
  dleq: Dleq,
): boolean {
  const [blinded, blindSignature, mintKey] = points;
  if (!isScalar(dleq.e) || !isScalar(dleq.s) || !points.every((point) => backend.isPoint(point)))
    return false;
  return orFalse(() => {
    const r1 = backend.add(backend.base(dleq.s), negate(backend.multiply(mintKey, dleq.e)));
    const right = negate(backend.multiply(blindSignature, dleq.e));
    const r2 = backend.add(backend.multiply(blinded, dleq.s), right);
    return challenge(backend, [r1, r2, mintKey, blindSignature]).equals(dleq.e);
  });
}

/** The same for an unblinded proof: C' = C + rA, and R2 = sY + (sr)G - eC' saves a multiplication of B'. */
function verifiesUnblinded(
  backend: Backend,
  proof: { readonly secret: Uint8Array; readonly C: Uint8Array },
  witness: { readonly mintKey: Uint8Array; readonly dleq: Dleq & { readonly r: Uint8Array } },
): boolean {
  const { mintKey, dleq } = witness;
  if (![dleq.e, dleq.s, dleq.r].every(isScalar)) return false;
  if (!backend.isPoint(proof.C) || !backend.isPoint(mintKey)) return false;
  return orFalse(() => {
    const blindSignature = backend.add(proof.C, backend.multiply(mintKey, dleq.r));
    const r1 = backend.add(backend.base(dleq.s), negate(backend.multiply(mintKey, dleq.e)));
    const sr = scalarOf(numberOf(dleq.s) * numberOf(dleq.r));
    const sY = backend.multiply(hashToCurve(backend, proof.secret), dleq.s);
    const right = negate(backend.multiply(blindSignature, dleq.e));
    const r2 = backend.add(backend.add(sY, backend.base(sr)), right);
    return challenge(backend, [r1, r2, mintKey, blindSignature]).equals(dleq.e);
  });
}

function prove(
  backend: Backend,
  signature: {
    readonly blinded: Uint8Array;
    readonly blindSignature: Uint8Array;
    readonly privateKey: Uint8Array;
  },
): Dleq {
  const { blinded, blindSignature, privateKey } = signature;
  requireScalar(privateKey);
  const nonce = randomScalar();
  const points = [
    backend.base(nonce),
    backend.multiply(blinded, nonce),
    backend.base(privateKey),
    blindSignature,
  ];
  const e = challenge(backend, points);
  return { e, s: scalarOf(numberOf(nonce) + numberOf(e) * numberOf(privateKey)) };
}

/** NUT-12 hash_e: over the uncompressed points in hex. */
function challenge(backend: Backend, points: readonly Uint8Array[]): Buffer {
  const text = points.map((point) => Buffer.from(backend.uncompress(point)).toString('hex'));
  return hash('sha256', text.join(''), 'buffer');
}

function requirePoints(backend: Backend, ...points: readonly Uint8Array[]): void {
  if (!points.every((point) => backend.isPoint(point))) throw new RangeError('not a point');
}

/** Only crafted values make a sum vanish; they prove nothing. */
function orFalse(check: () => boolean): boolean {
  try {
    return check();
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
