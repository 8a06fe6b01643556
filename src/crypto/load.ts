import type { Backend } from './backend.ts';
import { cashuCrypto } from './cashu-crypto.ts';
import type { Crypto } from './crypto.ts';
import { nativeBackend } from './native.ts';
import { nobleBackend } from './noble.ts';
import { wasmBackend } from './wasm.ts';

const BACKENDS: Readonly<Record<Crypto['backend'], () => Backend>> = {
  native: nativeBackend,
  wasm: wasmBackend,
  noble: nobleBackend,
};

/** NUT-00 test vector: hash_to_curve of 32 zero bytes. */
const CHECK_POINT = '024cce997d3b518f739663b757deaec95bcd9473c30a14ac2fd04023a739d1a725';

/**
 * The fastest implementation that works here: native, else WASM, else plain JavaScript; or exactly `preferred`. Throws when
 * none works, or `preferred` does not.
 */
export function loadCrypto(preferred?: Crypto['backend']): Crypto {
  const failures: unknown[] = [];
  for (const name of preferred === undefined
    ? (['native', 'wasm', 'noble'] as const)
    : [preferred]) {
    try {
      return checked(cashuCrypto(BACKENDS[name]()));
    } catch (error) {
      failures.push(error);
    }
  }
  throw new AggregateError(failures, 'no implementation of secp256k1 works on this machine');
}

function checked(crypto: Crypto): Crypto {
  const point = Buffer.from(crypto.hashToCurve(new Uint8Array(32))).toString('hex');
  if (point !== CHECK_POINT) throw new Error(`the ${crypto.backend} secp256k1 computes wrongly`);
  return crypto;
}
