import { describe, expect, test } from 'vitest';

import { ORDER, scalarOf } from '../../src/crypto/scalar.ts';
import { EACH } from './loaded.ts';
import { bytesOf, hexOf, vectorsOf } from './vectors.ts';

interface DleqVector {
  readonly e: string;
  readonly s: string;
}

describe.each(EACH)('NUT-00 and NUT-12 by %s', (_name, crypto) => {
  test('hash_to_curve gives the points of the specification', () => {
    const [{ Message, Point }] = vectorsOf('nut00', 'Hash-to-curve function') as [
      Record<'Message' | 'Point', string[]>,
    ];
    expect(Message).toHaveLength(3);
    expect(Message.map((message) => hexOf(crypto.hashToCurve(bytesOf(message))))).toEqual(Point);
  });

  test('blinded messages are those of the specification', () => {
    const [{ x, r, B_ }] = vectorsOf('nut00', 'Blinded messages') as [
      Record<'x' | 'r' | 'B_', string[]>,
    ];
    expect(x).toHaveLength(2);
    const blinded = x.map((secret, i) => crypto.blind(bytesOf(secret), bytesOf(r[i] ?? '')));
    expect(blinded.map(hexOf)).toEqual(B_.map((point) => hexOf(bytesOf(point))));
  });

  test('blind signatures are those of the specification', () => {
    const [vector] = vectorsOf('nut00', 'Blinded signatures') as [
      Record<'mint private key' | 'B_' | 'C_', string[]>,
    ];
    const { 'mint private key': keys, B_, C_ } = vector;
    expect(keys).toHaveLength(2);
    const signed = keys.map((key, i) => crypto.signBlinded(bytesOf(B_[i] ?? ''), bytesOf(key)));
    expect(signed.map(hexOf)).toEqual(C_);
  });

  test('the DLEQ of a signature is made with the deterministic nonce of the specification', () => {
    const [{ a, A, B_, C_ }, dleq] = vectorsOf('nut12', 'Deterministic nonce derivation') as [
      Record<'a' | 'A' | 'B_' | 'C_', string>,
      DleqVector,
    ];
    expect(hexOf(crypto.publicKey(bytesOf(a)))).toBe(A);
    const { e, s } = crypto.proveDleq(bytesOf(B_), bytesOf(C_), bytesOf(a));
    expect({ e: hexOf(e), s: hexOf(s) }).toEqual(dleq);
  });

  test('the DLEQ of the specification holds for its signature, and for no other', () => {
    const [blank, signed] = vectorsOf('nut12', 'DLEQ verification on BlindSignature') as [
      Record<'A' | 'B_', string>,
      { C_: string; dleq: DleqVector },
    ];
    const [A, B_, C_] = [bytesOf(blank.A), bytesOf(blank.B_), bytesOf(signed.C_)];
    const dleq = { e: bytesOf(signed.dleq.e), s: bytesOf(signed.dleq.s) };

    expect(crypto.verifySignatureDleq(B_, C_, A, dleq)).toBe(true);
    const other = crypto.publicKey(scalarOf(5n));
    expect(crypto.verifySignatureDleq(other, C_, A, dleq)).toBe(false);
    expect(crypto.verifySignatureDleq(B_, other, A, dleq)).toBe(false);
    expect(crypto.verifySignatureDleq(B_, C_, other, dleq)).toBe(false);
    expect(crypto.verifySignatureDleq(B_, C_, A, { e: dleq.s, s: dleq.e })).toBe(false);
  });

  test('the DLEQ of the specification holds for its proof, and for no other', () => {
    const [keys, vector] = vectorsOf('nut12', 'DLEQ verification on Proof') as [
      { A: string },
      { secret: string; C: string; dleq: DleqVector & { r: string } },
    ];
    const A = bytesOf(keys.A);
    const proof = { secret: Buffer.from(vector.secret), C: bytesOf(vector.C) };
    const { e, s, r } = vector.dleq;
    const dleq = { e: bytesOf(e), s: bytesOf(s), r: bytesOf(r) };

    expect(crypto.verifyProofDleq(proof, A, dleq)).toBe(true);
    const secret = Buffer.from('another secret');
    expect(crypto.verifyProofDleq({ ...proof, secret }, A, dleq)).toBe(false);
    expect(crypto.verifyProofDleq({ ...proof, C: A }, A, dleq)).toBe(false);
    expect(crypto.verifyProofDleq(proof, proof.C, dleq)).toBe(false);
    expect(crypto.verifyProofDleq(proof, A, { ...dleq, r: dleq.e })).toBe(false);
  });

  test('a coin goes the whole way from blank to spent', () => {
    const [key, r] = [scalarOf(11n), scalarOf(12n)];
    const secret = Buffer.from('a secret, as text: ü');
    const mintKey = crypto.publicKey(key);
    const blinded = crypto.blind(secret, r);
    const signature = crypto.signBlinded(blinded, key);
    const dleq = crypto.proveDleq(blinded, signature, key);
    const C = crypto.unblind(signature, r, mintKey);

    expect(crypto.verifySignatureDleq(blinded, signature, mintKey, dleq)).toBe(true);
    expect(crypto.verifyProofDleq({ secret, C }, mintKey, { ...dleq, r })).toBe(true);
    expect(crypto.verifyProof(secret, C, key)).toBe(true);
    expect(crypto.verifyProof(secret, C, scalarOf(13n))).toBe(false);
    expect(crypto.verifyProof(Buffer.from('another'), C, key)).toBe(false);
  });
});

const NO_SCALARS = [
  ['zero', new Uint8Array(32)],
  ['the order', Buffer.from(ORDER.toString(16), 'hex')],
  ['more than the order', new Uint8Array(32).fill(255)],
  ['31 bytes', new Uint8Array(31).fill(1)],
  ['33 bytes', new Uint8Array(33).fill(1)],
  ['nothing', new Uint8Array(0)],
] as const;

const NO_POINTS = [
  ['zero', new Uint8Array(33)],
  ['a point of another curve', Buffer.from(`02${'00'.repeat(31)}07`, 'hex')],
  ['an x beyond the field', Buffer.from(`02${'ff'.repeat(32)}`, 'hex')],
  ['an unknown first byte', Buffer.from(`05${'00'.repeat(31)}01`, 'hex')],
  ['an x alone', Buffer.from(`${'00'.repeat(31)}01`, 'hex')],
  ['nothing', new Uint8Array(0)],
] as const;

describe.each(EACH)('bytes that are no scalar or point, by %s', (_name, crypto) => {
  const one = scalarOf(1n);
  const [P, Q] = [crypto.publicKey(scalarOf(2n)), crypto.publicKey(scalarOf(3n))];
  const secret = Buffer.from('x');

  test.each(NO_SCALARS)('%s is no scalar', (_what, bad) => {
    expect(() => crypto.publicKey(bad)).toThrow(RangeError);
    expect(() => crypto.blind(secret, bad)).toThrow(RangeError);
    expect(() => crypto.unblind(P, bad, Q)).toThrow(RangeError);
    expect(() => crypto.signBlinded(P, bad)).toThrow(RangeError);
    expect(() => crypto.proveDleq(P, Q, bad)).toThrow(RangeError);
    expect(() => crypto.verifyProof(secret, P, bad)).toThrow(RangeError);
    expect(crypto.verifySignatureDleq(P, P, Q, { e: bad, s: one })).toBe(false);
    expect(crypto.verifySignatureDleq(P, P, Q, { e: one, s: bad })).toBe(false);
    for (const part of ['e', 's', 'r']) {
      const dleq = { e: one, s: one, r: one, [part]: bad };
      expect(crypto.verifyProofDleq({ secret, C: P }, Q, dleq)).toBe(false);
    }
  });

  test.each(NO_POINTS)('%s is no point', (_what, bad) => {
    expect(crypto.isPoint(bad)).toBe(false);
    expect(() => crypto.unblind(bad, one, Q)).toThrow(RangeError);
    expect(() => crypto.unblind(P, one, bad)).toThrow(RangeError);
    expect(() => crypto.signBlinded(bad, one)).toThrow(RangeError);
    expect(() => crypto.proveDleq(bad, Q, one)).toThrow(RangeError);
    expect(() => crypto.proveDleq(P, bad, one)).toThrow(RangeError);
    expect(crypto.verifySignatureDleq(bad, P, Q, { e: one, s: one })).toBe(false);
    expect(crypto.verifySignatureDleq(P, bad, Q, { e: one, s: one })).toBe(false);
    expect(crypto.verifySignatureDleq(P, P, bad, { e: one, s: one })).toBe(false);
    const dleq = { e: one, s: one, r: one };
    expect(crypto.verifyProofDleq({ secret, C: bad }, P, dleq)).toBe(false);
    expect(crypto.verifyProofDleq({ secret, C: P }, bad, dleq)).toBe(false);
    expect(crypto.verifyProof(secret, bad, one)).toBe(false);
  });

  test('a point written in 65 bytes is not taken', () => {
    const uncompressed = Buffer.concat([
      Uint8Array.of(4),
      Buffer.from('79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798', 'hex'),
      Buffer.from('483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8', 'hex'),
    ]);
    expect(crypto.isPoint(uncompressed)).toBe(false);
    expect(() => crypto.signBlinded(uncompressed, one)).toThrow(RangeError);
  });

  test('sums that vanish prove nothing and unblind to nothing', () => {
    const G = crypto.publicKey(one);
    // R1 = sG - eG is the point at infinity.
    expect(crypto.verifySignatureDleq(P, P, G, { e: one, s: one })).toBe(false);
    expect(() => crypto.unblind(P, scalarOf(2n), G)).toThrow(RangeError);
  });
});
