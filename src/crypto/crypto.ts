/** A DLEQ proof as the mint gives it (NUT-12): two 32-byte scalars. */
export interface Dleq {
  readonly e: Uint8Array;
  readonly s: Uint8Array;
}

/**
 * The curve operations of NUT-00, NUT-11 and NUT-12 on secp256k1. Points are 33-byte compressed, scalars 32 bytes.
 * Functions throw TypeError or RangeError on bytes that are no point or scalar; the verify functions return false instead.
 */
export interface Crypto {
  readonly backend: 'native' | 'wasm' | 'noble';
  isPoint(bytes: Uint8Array): boolean;
  publicKey(privateKey: Uint8Array): Uint8Array;
  /** NUT-00 hash_to_curve over the bytes of a secret. */
  hashToCurve(message: Uint8Array): Uint8Array;
  /** B_ = Y(secret) + rG. `secret` is the UTF-8 of the secret string. */
  blind(secret: Uint8Array, r: Uint8Array): Uint8Array;
  /** C = C_ - rK. */
  unblind(blindSignature: Uint8Array, r: Uint8Array, mintKey: Uint8Array): Uint8Array;
  /** NUT-12, mint to wallet: was C_ made from B_ with the private key of `mintKey`? */
  verifySignatureDleq(
    blinded: Uint8Array,
    blindSignature: Uint8Array,
    mintKey: Uint8Array,
    dleq: Dleq,
  ): boolean;
  /** NUT-12, wallet to receiver: the DLEQ of an unblinded proof, with its blinding factor `r`. */
  verifyProofDleq(
    proof: { readonly secret: Uint8Array; readonly C: Uint8Array },
    mintKey: Uint8Array,
    dleq: Dleq & { readonly r: Uint8Array },
  ): boolean;
  /** Mint side: C_ = kB_. */
  signBlinded(blinded: Uint8Array, privateKey: Uint8Array): Uint8Array;
  /** Mint side: DLEQ for a signature it just made, always the same one (NUT-12's deterministic nonce). */
  proveDleq(blinded: Uint8Array, blindSignature: Uint8Array, privateKey: Uint8Array): Dleq;
  /** Mint side: C == kY(secret). */
  verifyProof(secret: Uint8Array, C: Uint8Array, privateKey: Uint8Array): boolean;
  /** BIP340 over a 32-byte message; `auxRand` defaults to fresh random bytes. */
  schnorrSign(message: Uint8Array, privateKey: Uint8Array, auxRand?: Uint8Array): Uint8Array;
  /** `publicKey` is 32 bytes x-only. */
  schnorrVerify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
}
