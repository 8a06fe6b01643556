import { expect, test } from 'vitest';

import { challenge } from '../../src/crypto/dleq.ts';
import { nativeBackend } from '../../src/crypto/native.ts';
import { nobleBackend } from '../../src/crypto/noble.ts';
import { wasmBackend } from '../../src/crypto/wasm.ts';
import { EACH } from './loaded.ts';
import { bytesOf, hexOf, vectorsOf } from './vectors.ts';

const MAKE = { native: nativeBackend, wasm: wasmBackend, noble: nobleBackend };

test.each(EACH)('hash_e by %s is that of the specification', (name) => {
  const [points, digest] = vectorsOf('nut12', 'hash_e function') as [
    Record<'R1' | 'R2' | 'K' | 'C_', string>,
    Record<'hash(R1, R2, K, C_)', string>,
  ];
  const { R1, R2, K, C_ } = points;

  const e = challenge(MAKE[name](), [R1, R2, K, C_].map(bytesOf));

  expect(hexOf(e)).toBe(digest['hash(R1, R2, K, C_)']);
});
