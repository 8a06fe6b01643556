import { createHmac } from 'node:crypto';

import { secp256k1 } from '@noble/curves/secp256k1.js';

import { numberOf, ORDER, scalarOf } from './scalar.ts';

export interface DerivedOutput {
  /** The secret string: hex of 32 bytes. */
  readonly secret: string;
  /** The blinding factor. */
  readonly r: Uint8Array;
}

const KDF = Buffer.from('Cashu_KDF_HMAC_SHA256');
const HARDENED = 0x80000000;

/**
 * NUT-13: the secret and blinding factor of one output. Throws RangeError for keyset ids of versions it does not know, and for
 * counters below 0 or from 2^31 (ids of version 1, `00`) or 2^64 (version 2, `01`) on.
 */
export function deriveOutput(seed: Uint8Array, keysetId: string, counter: bigint): DerivedOutput {
  if (/^01[0-9a-f]{64}$/.test(keysetId)) return deriveV2(seed, keysetId, counter);
  if (/^00[0-9a-f]{14}$/.test(keysetId)) return deriveV1(seed, keysetId, counter);
  throw new RangeError('NUT-13 knows no derivation for this keyset id');
}

function deriveV2(seed: Uint8Array, keysetId: string, counter: bigint): DerivedOutput {
  const input = Buffer.alloc(KDF.length + 33 + 8 + 1);
  KDF.copy(input);
  input.write(keysetId, KDF.length, 'hex');
  input.writeBigUInt64BE(counter, KDF.length + 33);
  const secret = createHmac('sha256', seed).update(input).digest('hex');
  input[input.length - 1] = 1;
  const r = scalarOf(numberOf(createHmac('sha256', seed).update(input).digest()));
  return { secret, r };
}

interface Node {
  readonly key: Uint8Array;
  readonly chain: Uint8Array;
}

/** m/129372'/0'/keyset'/counter'/0 for the secret, /1 for r (BIP32). */
function deriveV1(seed: Uint8Array, keysetId: string, counter: bigint): DerivedOutput {
  if (counter < 0n || counter >= BigInt(HARDENED)) throw new RangeError('no such counter');
  const keyset = Number(BigInt(`0x${keysetId}`) % BigInt(HARDENED - 1));
  let node = split(createHmac('sha512', 'Bitcoin seed').update(seed).digest());
  for (const index of [129_372, 0, keyset, Number(counter)]) {
    node = child(node, Buffer.concat([Uint8Array.of(0), node.key]), index + HARDENED);
  }
  const publicKey = secp256k1.getPublicKey(node.key, true);
  return {
    secret: Buffer.from(child(node, publicKey, 0).key).toString('hex'),
    r: child(node, publicKey, 1).key,
  };
}

/** BIP32: `head` is the parent's public key, or a zero byte and its private key where the index is hardened. */
function child(parent: Node, head: Uint8Array, index: number): Node {
  const data = Buffer.alloc(37);
  data.set(head);
  data.writeUInt32BE(index, 33);
  const { key, chain } = split(createHmac('sha512', parent.chain).update(data).digest());
  const sum = numberOf(key) + numberOf(parent.key);
  // BIP32 says to take the next index then; nobody will ever see it.
  if (numberOf(key) >= ORDER || sum % ORDER === 0n) throw new RangeError('no such child key');
  return { key: scalarOf(sum), chain };
}

function split(bytes: Uint8Array): Node {
  return { key: bytes.subarray(0, 32), chain: bytes.subarray(32) };
}
