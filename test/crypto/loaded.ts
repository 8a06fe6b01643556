import type { Crypto } from '../../src/crypto/crypto.ts';
import { loadCrypto } from '../../src/crypto/load.ts';

/** For which platforms npm `secp256k1` 5.0.2 brings an addon. */
export const HAS_ADDON = ['linux-x64', 'darwin-arm64', 'win32-x64'].includes(
  `${process.platform}-${process.arch}`,
);

/** Every implementation that must work on this machine, as rows for `test.each`. */
export const EACH: readonly (readonly [name: Crypto['backend'], crypto: Crypto])[] = (
  HAS_ADDON ? (['native', 'wasm', 'noble'] as const) : (['wasm', 'noble'] as const)
).map((name) => [name, loadCrypto(name)]);
