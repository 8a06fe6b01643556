import { randomBytes } from 'node:crypto';

/** The order of secp256k1. */
export const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

const SCALAR_BYTES = 32;

/** 32 bytes, big endian, as a number; may be the order or more. */
export function numberOf(bytes: Uint8Array): bigint {
  if (bytes.length !== SCALAR_BYTES) throw new TypeError('a scalar has 32 bytes');
  return BigInt(
    `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`,
  );
}

/** `value` modulo the order, as 32 bytes. */
export function scalarOf(value: bigint): Uint8Array {
  const reduced = ((value % ORDER) + ORDER) % ORDER;
  return new Uint8Array(Buffer.from(reduced.toString(16).padStart(SCALAR_BYTES * 2, '0'), 'hex'));
}

export function isScalar(bytes: Uint8Array): boolean {
  if (bytes.length !== SCALAR_BYTES) return false;
  const value = numberOf(bytes);
  return value > 0n && value < ORDER;
}

/** n - k. */
export function negated(scalar: Uint8Array): Uint8Array {
  return scalarOf(-numberOf(scalar));
}

/** Throws RangeError unless `bytes` is in [1, n). */
export function requireScalar(bytes: Uint8Array): void {
  if (!isScalar(bytes)) throw new RangeError('not a scalar of secp256k1');
}

/** A uniformly random scalar. */
export function randomScalar(): Uint8Array {
  for (;;) {
    const bytes = new Uint8Array(randomBytes(SCALAR_BYTES));
    if (isScalar(bytes)) return bytes;
  }
}
