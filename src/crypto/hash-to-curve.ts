import { hash } from 'node:crypto';

import type { Backend } from './backend.ts';

const DOMAIN = Buffer.from('Secp256k1_HashToCurve_Cashu_');
/** Half of all hashes are no point; that this many in a row are none does not happen. */
const MAX_TRIES = 65_536;

/** NUT-00 hash_to_curve: a point whose discrete logarithm nobody knows. */
export function hashToCurve(backend: Backend, message: Uint8Array): Uint8Array {
  const seed = hash('sha256', Buffer.concat([DOMAIN, message]), 'buffer');
  const input = Buffer.alloc(36);
  seed.copy(input);
  const candidate = new Uint8Array(33);
  candidate[0] = 2;
  for (let counter = 0; counter < MAX_TRIES; counter += 1) {
    input.writeUInt32LE(counter, 32);
    candidate.set(hash('sha256', input, 'buffer'), 1);
    if (backend.isPoint(candidate)) return candidate;
  }
  throw new RangeError('no point of the curve was found');
}
