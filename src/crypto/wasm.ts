import * as tiny from 'tiny-secp256k1';

import type { Backend } from './backend.ts';

/** libsecp256k1 as WASM: where no native addon is prebuilt (linux-arm64, darwin-x64). */
export function wasmBackend(): Backend {
  return {
    name: 'wasm',
    isPoint: (bytes) => tiny.isPointCompressed(bytes),
    base: (scalar) => present(tiny.pointFromScalar(scalar, false)),
    multiply: (point, scalar) => present(tiny.pointMultiply(point, scalar, false)),
    add: (a, b) => present(tiny.pointAdd(a, b, false)),
    compress: (point) => tiny.pointCompress(point, true),
    uncompress: (point) => tiny.pointCompress(point, false),
  };
}

function present(point: Uint8Array | null): Uint8Array {
  if (point === null) throw new RangeError('the result is no point');
  return point;
}
