import { pbkdf2Sync } from 'node:crypto';

import { OutputData } from '@cashu/cashu-ts';
import { describe, expect, test } from 'vitest';

import { deriveOutput } from '../../src/crypto/nut13.ts';
import { hexOf, vectorsOf } from './vectors.ts';

const V1 = '009a1f293253e41e';
/** The specification names it in its text, which the vectors' file leaves out. */
const V2 = '015ba18a8adcd02e715a58358eb618da4a4b3791151a4bee5e968bb88406ccf76a';

describe.each([
  ['Version 1', V1],
  ['Version 2', V2],
])('NUT-13, %s', (version, keysetId) => {
  const vectors = vectorsOf('nut13', `${version}: Secret derivation`);
  const expected = Object.assign({}, ...vectors) as Record<string, string>;
  const seed = pbkdf2Sync(expected['mnemonic'] ?? '', 'mnemonic', 2048, 64, 'sha512');

  test.each([0, 1, 2, 3, 4])('output %i is that of the specification', (counter) => {
    const { secret, r } = deriveOutput(seed, keysetId, BigInt(counter));
    expect(secret).toBe(expected[`secret_${counter}`]);
    expect(hexOf(r)).toBe(expected[`r_${counter}`]);
  });

  test.each([5, 100, 2 ** 31 - 1])('output %i is that of cashu-ts', (counter) => {
    const { secret, r } = deriveOutput(seed, keysetId, BigInt(counter));
    const theirs = OutputData.createSingleDeterministicData(1, seed, counter, keysetId);
    expect(secret).toBe(Buffer.from(theirs.secret).toString());
    expect(BigInt(`0x${hexOf(r)}`)).toBe(theirs.blindingFactor);
  });

  test('every counter and seed has an output of its own', () => {
    const other = Buffer.alloc(64, 1);
    const outputs = [
      deriveOutput(seed, keysetId, 0n),
      deriveOutput(seed, keysetId, 1n),
      deriveOutput(other, keysetId, 0n),
    ];
    expect(new Set(outputs.flatMap(({ secret, r }) => [secret, hexOf(r)])).size).toBe(6);
  });
});

const SEED = Buffer.alloc(64, 7);

test.each([
  ['version 3', `02${'ab'.repeat(32)}`],
  ['a short id of version 2', '015ba18a8adcd02e'],
  ['an id of version 1 that is too long', `${V1}00`],
  ['upper case', V1.toUpperCase()],
  ['base64 of the first mints', 'I2yN+iRYfkzT'],
  ['nothing', ''],
])('a keyset id of %s has no derivation', (_what, keysetId) => {
  expect(() => deriveOutput(SEED, keysetId, 0n)).toThrow(RangeError);
});

test.each([
  [V1, -1n],
  [V1, 2n ** 31n],
  [V2, -1n],
  [V2, 2n ** 64n],
])('keyset %s has no counter %i', (keysetId, counter) => {
  expect(() => deriveOutput(SEED, keysetId, counter)).toThrow(RangeError);
});
