import { expect, test } from 'vitest';

import { firstThatWorks, loadCrypto } from '../../src/crypto/load.ts';
import { nobleBackend } from '../../src/crypto/noble.ts';
import { wasmBackend } from '../../src/crypto/wasm.ts';
import { EACH, HAS_ADDON } from './loaded.ts';

test('the fastest implementation of the machine is taken', () => {
  expect(loadCrypto().backend).toBe(HAS_ADDON ? 'native' : 'wasm');
});

test.each(EACH)('%s is what one gets who asks for it', (name, crypto) => {
  expect(crypto.backend).toBe(name);
});

test('an implementation that does not load is passed over', () => {
  const missing = () => {
    throw new Error('no addon for this platform');
  };
  expect(firstThatWorks([missing, nobleBackend]).backend).toBe('noble');
});

const G2 = Buffer.from('02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5', 'hex');

test.each([
  ['base', { base: () => G2 }],
  ['multiply', { multiply: () => G2 }],
  ['add', { add: () => G2 }],
  ['compress', { compress: () => G2 }],
  ['uncompress', { uncompress: () => G2 }],
  ['isPoint', { isPoint: () => false }],
])('an implementation whose %s computes wrongly is passed over', (_name, fault) => {
  const wrong = () => ({ ...wasmBackend(), ...fault });
  expect(firstThatWorks([wrong, nobleBackend]).backend).toBe('noble');
});

test('where none works, the error carries the reason of each', () => {
  const missing = () => {
    throw new Error('no addon for this platform');
  };
  const wrong = () => ({ ...nobleBackend(), base: () => G2 });
  let thrown: unknown;
  try {
    firstThatWorks([missing, wrong]);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(AggregateError);
  expect((thrown as AggregateError).errors).toMatchObject([
    { message: 'no addon for this platform' },
    { message: 'the noble secp256k1 computes wrongly' },
  ]);
});
