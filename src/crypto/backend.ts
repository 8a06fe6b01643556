/**
 * The few point operations that everything else is made of. Points are valid, in 33 or 65 bytes; results have 65, because
 * reading a compressed point takes a square root. Scalars are in [1, n).
 */
export interface Backend {
  readonly name: 'native' | 'wasm' | 'noble';
  /** Are these the 33 bytes of a point? */
  isPoint(bytes: Uint8Array): boolean;
  /** kG. */
  base(scalar: Uint8Array): Uint8Array;
  /** kP. */
  multiply(point: Uint8Array, scalar: Uint8Array): Uint8Array;
  /** P + Q. Throws RangeError when it is the point at infinity. */
  add(a: Uint8Array, b: Uint8Array): Uint8Array;
  /** 33 bytes. */
  compress(point: Uint8Array): Uint8Array;
  /** 65 bytes. */
  uncompress(point: Uint8Array): Uint8Array;
}

/** Throws RangeError unless all of `points` are compressed points of the curve. */
export function requirePoints(backend: Backend, ...points: readonly Uint8Array[]): void {
  if (!points.every((point) => backend.isPoint(point)))
    throw new RangeError('not a point of secp256k1');
}

/** Only crafted values make a sum vanish; they prove nothing. */
export function falseAtInfinity(check: () => boolean): boolean {
  try {
    return check();
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
