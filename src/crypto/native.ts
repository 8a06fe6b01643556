import { createRequire } from 'node:module';

import type { Backend } from './backend.ts';

/** The functions of npm `secp256k1`'s addon that we use. */
interface Addon {
  publicKeyVerify(point: Uint8Array): boolean;
  publicKeyCreate(scalar: Uint8Array, compressed: boolean): Uint8Array;
  publicKeyTweakMul(point: Uint8Array, scalar: Uint8Array, compressed: boolean): Uint8Array;
  publicKeyCombine(points: readonly Uint8Array[], compressed: boolean): Uint8Array;
  publicKeyConvert(point: Uint8Array, compressed: boolean): Uint8Array;
}

/**
 * libsecp256k1 through its N-API addon. Throws where there is no prebuilt binary: the package's main entry would fall back to
 * `elliptic` without a word, so the bindings are loaded by name.
 */
export function nativeBackend(): Backend {
  const loaded: unknown = createRequire(import.meta.url)('secp256k1/bindings.js');
  if (!isAddon(loaded)) throw new TypeError('the secp256k1 addon is not what it should be');
  const addon = loaded;
  return {
    name: 'native',
    isPoint: (bytes) => bytes.length === 33 && addon.publicKeyVerify(bytes),
    base: (scalar) => addon.publicKeyCreate(scalar, false),
    multiply: (point, scalar) => addon.publicKeyTweakMul(point, scalar, false),
    add(a, b) {
      try {
        return addon.publicKeyCombine([a, b], false);
      } catch (error) {
        throw new RangeError('the sum of these points is no point', { cause: error });
      }
    },
    compress: (point) => addon.publicKeyConvert(point, true),
    uncompress: (point) => addon.publicKeyConvert(point, false),
  };
}

function isAddon(value: unknown): value is Addon {
  const names = [
    'publicKeyVerify',
    'publicKeyCreate',
    'publicKeyTweakMul',
    'publicKeyCombine',
    'publicKeyConvert',
  ];
  return (
    typeof value === 'object' &&
    value !== null &&
    names.every((name) => typeof Reflect.get(value, name) === 'function')
  );
}
