import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { decodeCbor } from '../../src/wallet/cbor.ts';

const decodeHex = (hex: string) => decodeCbor(Buffer.from(hex, 'hex'));

test('the values that tokens are made of are decoded (RFC 8949 appendix A)', () => {
  expect(decodeHex('00')).toBe(0n);
  expect(decodeHex('1903e8')).toBe(1000n);
  expect(decodeHex('1bffffffffffffffff')).toBe(18446744073709551615n);
  expect(decodeHex('4401020304')).toEqual(new Uint8Array([1, 2, 3, 4]));
  expect(decodeHex('62c3bc')).toBe('ü');
  expect(decodeHex('83010203')).toEqual([1n, 2n, 3n]);
  expect(decodeHex('a16161820203')).toEqual(new Map([['a', [2n, 3n]]]));
  expect(decodeHex('f6')).toBeNull();
});

test.each([
  ['bytes after the item', '0000'],
  ['a cut text', '62c3'],
  ['invalid UTF-8', '61ff'],
  ['a lone surrogate', '63eda080'],
  ['an indefinite length', '9fff'],
  ['a key that occurs twice', 'a2616101616102'],
  ['a key that is no text', 'a10102'],
  ['a negative number', '20'],
  ['a float', 'f93c00'],
  ['a tag', 'c000'],
  ['a list longer than the input', '9affffffff'],
  ['nesting without end', '81'.repeat(100)],
  ['nothing', ''],
])('%s is refused', (_, hex) => {
  expect(() => decodeHex(hex)).toThrow(/./);
});

test('random bytes never do worse than throw RangeError or TypeError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      let failure: unknown = new RangeError('none');
      try {
        decodeCbor(bytes);
      } catch (error) {
        failure = error;
      }
      expect(failure instanceof RangeError || failure instanceof TypeError).toBe(true);
    }),
  );
});
