import type { Backend } from './backend.ts';
import { cashuCrypto } from './cashu-crypto.ts';
import type { Crypto } from './crypto.ts';
import { nativeBackend } from './native.ts';
import { nobleBackend } from './noble.ts';
import { scalarOf } from './scalar.ts';
import { wasmBackend } from './wasm.ts';

const BACKENDS: Readonly<Record<Crypto['backend'], () => Backend>> = {
  native: nativeBackend,
  wasm: wasmBackend,
  noble: nobleBackend,
};

/** The proof of NUT-12's test vectors, by the private key 1: checking both takes every operation of a backend. */
const KNOWN = {
  mintKey: bytes('0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'),
  secret: Buffer.from('daf4dd00a2b68a0858a80450f52c8a7d2ccf87d375e43e216e0c571f089f63e9'),
  C: bytes('024369d2d22a80ecf78f3937da9d5f30c1b9f74f0c32684d583cca0fa6a61cdcfc'),
  e: bytes('b31e58ac6527f34975ffab13e70a48b6d2b0d35abc4b03f0151f09ee1a9763d4'),
  s: bytes('8fbae004c59e754d71df67e392b6ae4e29293113ddc2ec86592a0431d16306d8'),
  r: bytes('a6d13fcd7a18442e6076f5e1e7c887ad5de40a019824bdfa9fe740d302e8d861'),
};

/**
 * The fastest implementation that works here: native, else WASM, else plain JavaScript; or exactly `preferred`. `backend` tells
 * which it is. Throws AggregateError with the reasons when none works, or `preferred` does not.
 */
export function loadCrypto(preferred?: Crypto['backend']): Crypto {
  const { native, wasm, noble } = BACKENDS;
  return firstThatWorks(preferred === undefined ? [native, wasm, noble] : [BACKENDS[preferred]]);
}

/** The first of `candidates` that loads and computes a known value. Throws AggregateError when none does. */
export function firstThatWorks(candidates: readonly (() => Backend)[]): Crypto {
  const failures: unknown[] = [];
  for (const candidate of candidates) {
    try {
      return checked(cashuCrypto(candidate()));
    } catch (error) {
      failures.push(error);
    }
  }
  throw new AggregateError(failures, 'no implementation of secp256k1 works on this machine');
}

function checked(crypto: Crypto): Crypto {
  const { mintKey, ...proof } = KNOWN;
  const key = Buffer.from(crypto.publicKey(scalarOf(1n)));
  if (key.equals(mintKey) && crypto.verifyProofDleq(proof, mintKey, proof)) return crypto;
  throw new Error(`the ${crypto.backend} secp256k1 computes wrongly`);
}

function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}
