/** The few point operations that everything else is made of. Points are valid and compressed, scalars in [1, n). */
export interface Backend {
  readonly name: 'native' | 'wasm' | 'noble';
  isPoint(bytes: Uint8Array): boolean;
  /** kG. */
  base(scalar: Uint8Array): Uint8Array;
  /** kP. */
  multiply(point: Uint8Array, scalar: Uint8Array): Uint8Array;
  /** P + Q. Throws RangeError when it is the point at infinity. */
  add(a: Uint8Array, b: Uint8Array): Uint8Array;
  /** 65 bytes. */
  uncompress(point: Uint8Array): Uint8Array;
}

/** -P, compressed: the sign is in the first byte. */
export function negate(point: Uint8Array): Uint8Array {
  const negated = Uint8Array.from(point);
  negated[0] = point[0] === 2 ? 3 : 2;
  return negated;
}

/** Throws RangeError unless all of `points` are compressed points of the curve. */
export function requirePoints(backend: Backend, ...points: readonly Uint8Array[]): void {
  if (!points.every((point) => backend.isPoint(point)))
    throw new RangeError('not a point of secp256k1');
}
