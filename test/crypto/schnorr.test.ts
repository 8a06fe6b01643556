import { hash } from 'node:crypto';

import { schnorr } from '@noble/curves/secp256k1.js';
import { describe, expect, test } from 'vitest';

import { ORDER, scalarOf } from '../../src/crypto/scalar.ts';
import { EACH } from './loaded.ts';
import { bytesOf, everyVectorOf, hexOf } from './vectors.ts';

interface Input {
  readonly secret: string;
  readonly C: string;
  readonly witness?: string;
}

interface Transaction {
  readonly inputs: readonly Input[];
  readonly outputs: readonly { readonly amount: number; readonly B_: string }[];
  readonly quote?: string;
}

interface Case {
  readonly index: number;
  readonly message: Buffer;
  readonly keys: readonly string[];
  readonly signatures: readonly string[];
}

/** Position of the one vector whose signature belongs to another message; the other invalid ones break rules of locks. */
const FORGED = 4;

const CASES = everyVectorOf('nut11').flatMap(({ value }, index) => caseOf(value, index));

function caseOf(value: unknown, index: number): readonly Case[] {
  const { inputs, outputs = [], quote = '' } = value as Partial<Transaction>;
  const first = inputs?.[0] ?? (value as Partial<Input>);
  if (first.secret === undefined || first.witness === undefined) return [];
  const signed =
    inputs === undefined
      ? first.secret
      : inputs.map(({ secret, C }) => secret + C).join('') +
        outputs.map(({ amount, B_ }) => `${amount}${B_}`).join('') +
        quote;
  const lock = (JSON.parse(first.secret) as [string, { data: string; tags: string[][] }])[1];
  const tagged = lock.tags.filter(([name]) => name === 'pubkeys' || name === 'refund');
  const { signatures } = JSON.parse(first.witness) as { signatures: string[] };
  const keys = [lock.data, ...tagged.flatMap(([, ...keys]) => keys)];
  return [
    {
      index,
      message: hash('sha256', signed, 'buffer'),
      // An HTLC's `data` is a hash, not a key.
      keys: keys.filter((key) => key.length === 66),
      signatures,
    },
  ];
}

describe.each(EACH)('BIP340 by %s', (_name, crypto) => {
  test('every signature of NUT-11 verifies under a key of its lock, but for the forged one', () => {
    expect(CASES).toHaveLength(19);
    for (const { index, message, keys, signatures } of CASES) {
      const verified = signatures.map((signature) =>
        keys.some((key) => crypto.schnorrVerify(bytesOf(signature), message, xOf(key))),
      );
      expect({ index, verified }).toEqual({
        index,
        verified: signatures.map(() => index !== FORGED),
      });
    }
  });

  test('signs as the first vectors of BIP340 do', () => {
    const sign = (key: string, aux: string, message: string) =>
      hexOf(crypto.schnorrSign(bytesOf(message), bytesOf(key), bytesOf(aux)));
    const zero = '00'.repeat(32);
    expect(sign(`${'00'.repeat(31)}03`, zero, zero)).toBe(
      'e907831f80848d1069a5371b402410364bdf1c5f8307b0084c55f1ce2dca8215' +
        '25f66a4a85ea8b71e482a74f382d2ce5ebeee8fdb2172f477df4900d310536c0',
    );
    expect(
      sign(
        'b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfef',
        `${'00'.repeat(31)}01`,
        '243f6a8885a308d313198a2e03707344a4093822299f31d0082efa98ec4e6c89',
      ),
    ).toBe(
      '6896bd60eeae296db48a229ff71dfe071bde413e6d43f917dc8dcf8c78de3341' +
        '8906d11ac976abccb20b091292bff4ea897efcb639ea871cfa95f6de339e4b0a',
    );
  });

  test('signs with fresh randomness, and others accept it', () => {
    const key = scalarOf(77n);
    const message = hash('sha256', 'message', 'buffer');
    const [first, second] = [crypto.schnorrSign(message, key), crypto.schnorrSign(message, key)];
    expect(hexOf(first)).not.toBe(hexOf(second));
    for (const signature of [first, second]) {
      expect(schnorr.verify(signature, message, schnorr.getPublicKey(key))).toBe(true);
    }
  });

  test('accepts no changed signature, message or key', () => {
    const key = scalarOf(78n);
    const x = crypto.publicKey(key).subarray(1);
    const message = hash('sha256', 'message', 'buffer');
    const signature = crypto.schnorrSign(message, key);
    const [r, s] = [signature.subarray(0, 32), signature.subarray(32)];
    const verify = (signature: Uint8Array, message: Uint8Array, x: Uint8Array) =>
      crypto.schnorrVerify(signature, message, x);

    expect(verify(signature, message, x)).toBe(true);
    expect(verify(signature, hash('sha256', 'another', 'buffer'), x)).toBe(false);
    expect(verify(signature, message, crypto.publicKey(scalarOf(79n)).subarray(1))).toBe(false);
    expect(verify(Buffer.concat([s, r]), message, x)).toBe(false);
    expect(verify(flipped(signature, 0), message, x)).toBe(false);
    expect(verify(flipped(signature, 63), message, x)).toBe(false);
    // The same value modulo the order, and the signature of -R.
    const negated = scalarOf(ORDER - BigInt(`0x${hexOf(s)}`));
    expect(verify(Buffer.concat([r, negated]), message, x)).toBe(false);
  });

  test('what has a wrong shape is no valid signature', () => {
    const x = crypto.publicKey(scalarOf(1n)).subarray(1);
    const message = new Uint8Array(32);
    const order = Buffer.from(ORDER.toString(16), 'hex');
    const verify = (signature: Uint8Array, message: Uint8Array, x: Uint8Array) =>
      crypto.schnorrVerify(signature, message, x);

    expect(verify(new Uint8Array(64), message, x)).toBe(false);
    expect(verify(new Uint8Array(63), message, x)).toBe(false);
    expect(verify(new Uint8Array(0), message, x)).toBe(false);
    expect(verify(Buffer.concat([x, order]), message, x)).toBe(false);
    expect(verify(new Uint8Array(64).fill(255), message, x)).toBe(false);
    expect(verify(new Uint8Array(64), new Uint8Array(31), x)).toBe(false);
    expect(verify(new Uint8Array(64), message, new Uint8Array(32).fill(255))).toBe(false);
    expect(verify(new Uint8Array(64), message, crypto.publicKey(scalarOf(1n)))).toBe(false);
  });

  test('what cannot be signed is an error', () => {
    const message = new Uint8Array(32);
    const key = scalarOf(1n);
    expect(() => crypto.schnorrSign(new Uint8Array(31), key)).toThrow(TypeError);
    expect(() => crypto.schnorrSign(message, key, new Uint8Array(31))).toThrow(TypeError);
    expect(() => crypto.schnorrSign(message, new Uint8Array(32))).toThrow(RangeError);
    expect(() => crypto.schnorrSign(message, new Uint8Array(32).fill(255))).toThrow(RangeError);
  });
});

function xOf(key: string): Uint8Array {
  return bytesOf(key).subarray(1);
}

function flipped(bytes: Uint8Array, index: number): Uint8Array {
  return bytes.map((byte, i) => (i === index ? byte ^ 1 : byte));
}
