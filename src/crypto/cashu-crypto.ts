import type { Backend } from './backend.ts';
import { requirePoints } from './backend.ts';
import type { Crypto } from './crypto.ts';
import { proveDleq, verifyProofDleq, verifySignatureDleq } from './dleq.ts';
import { hashToCurve } from './hash-to-curve.ts';
import { negated, requireScalar } from './scalar.ts';
import { schnorrSign, schnorrVerify } from './schnorr.ts';

/** The algebra of NUT-00 and NUT-12 over a backend. */
export function cashuCrypto(backend: Backend): Crypto {
  return {
    backend: backend.name,
    isPoint: (bytes) => backend.isPoint(bytes),
    publicKey(privateKey) {
      requireScalar(privateKey);
      return backend.compress(backend.base(privateKey));
    },
    hashToCurve: (message) => hashToCurve(backend, message),
    blind(secret, r) {
      requireScalar(r);
      return backend.compress(backend.add(hashToCurve(backend, secret), backend.base(r)));
    },
    unblind(blindSignature, r, mintKey) {
      requireScalar(r);
      requirePoints(backend, blindSignature, mintKey);
      const masked = backend.multiply(mintKey, negated(r));
      return backend.compress(backend.add(blindSignature, masked));
    },
    verifySignatureDleq(blinded, blindSignature, mintKey, dleq) {
      return verifySignatureDleq(backend, { blinded, blindSignature, mintKey }, dleq);
    },
    verifyProofDleq(proof, mintKey, dleq) {
      return verifyProofDleq(backend, proof, { mintKey, dleq });
    },
    signBlinded(blinded, privateKey) {
      requireScalar(privateKey);
      requirePoints(backend, blinded);
      return backend.compress(backend.multiply(blinded, privateKey));
    },
    proveDleq: (blinded, blindSignature, privateKey) =>
      proveDleq(backend, { blinded, blindSignature, privateKey }),
    verifyProof(secret, C, privateKey) {
      requireScalar(privateKey);
      const expected = backend.multiply(hashToCurve(backend, secret), privateKey);
      return Buffer.from(backend.compress(expected)).equals(C);
    },
    schnorrSign: (message, privateKey, auxRand) =>
      schnorrSign(backend, message, { privateKey, auxRand }),
    schnorrVerify: (signature, message, publicKey) =>
      schnorrVerify(backend, signature, message, publicKey),
  };
}
