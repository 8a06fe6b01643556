import { createHmac } from 'node:crypto';

import type { Crypto } from '../../crypto/crypto.ts';

/** The order of secp256k1. */
const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/**
 * ECDSA on secp256k1 with the recovery id at the end: r, s, id (65 bytes), low s, deterministic. For keys that guard nothing:
 * bigint arithmetic does not take constant time.
 */
export function signRecoverable(
  crypto: Crypto,
  digest: Uint8Array,
  privateKey: Uint8Array,
): Uint8Array {
  const nonce = createHmac('sha256', privateKey).update(digest).digest();
  const R = Buffer.from(crypto.publicKey(nonce));
  const r = toNumber(R.subarray(1)) % N;
  const s = (inverse(toNumber(nonce)) * (toNumber(digest) + r * toNumber(privateKey))) % N;
  const isHigh = s > N / 2n;
  const isOdd = R.readUInt8(0) === 3;
  return Buffer.concat([
    toBytes(r),
    toBytes(isHigh ? N - s : s),
    Buffer.from([isOdd === isHigh ? 0 : 1]),
  ]);
}

/** Fermat: x^(N-2) is 1/x. */
function inverse(value: bigint): bigint {
  let result = 1n;
  let square = value % N;
  for (let exponent = N - 2n; exponent > 0n; exponent >>= 1n) {
    if ((exponent & 1n) === 1n) result = (result * square) % N;
    square = (square * square) % N;
  }
  return result;
}

function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

function toBytes(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
}
