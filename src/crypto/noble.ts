import { secp256k1 } from '@noble/curves/secp256k1.js';

import type { Backend } from './backend.ts';
import { numberOf } from './scalar.ts';

const { Point } = secp256k1;

/** Plain JavaScript: works everywhere, fifty times slower. */
export function nobleBackend(): Backend {
  return {
    name: 'noble',
    isPoint(bytes) {
      if (bytes.length !== 33) return false;
      try {
        Point.fromBytes(bytes);
        return true;
      } catch {
        // noble has no other way to ask.
        return false;
      }
    },
    base: (scalar) => Point.BASE.multiply(numberOf(scalar)).toBytes(false),
    multiply: (point, scalar) => Point.fromBytes(point).multiply(numberOf(scalar)).toBytes(false),
    add(a, b) {
      const sum = Point.fromBytes(a).add(Point.fromBytes(b));
      if (sum.is0()) throw new RangeError('the sum of these points is no point');
      return sum.toBytes(false);
    },
    compress: (point) => Point.fromBytes(point).toBytes(true),
    uncompress: (point) => Point.fromBytes(point).toBytes(false),
  };
}
