import { schnorr } from '@noble/curves/secp256k1.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Crypto } from '../../src/crypto/crypto.ts';
import { isScalar } from '../../src/crypto/scalar.ts';
import { EACH } from './loaded.ts';
import { hexOf } from './vectors.ts';

/** Few: plain JavaScript takes 30 ms for each. */
const RUNS = { numRuns: 15 };

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const scalar = bytes32.filter(isScalar);
const secret = fc.string({ unit: 'binary', maxLength: 300 }).map((text) => Buffer.from(text));

function byAll<T>(compute: (crypto: Crypto) => T): readonly T[] {
  return EACH.map(([, crypto]) => compute(crypto));
}

test('all implementations make the same coins, and take those of each other', () => {
  fc.assert(
    fc.property(secret, scalar, scalar, (secret, r, key) => {
      const coins = byAll((crypto) => {
        const mintKey = crypto.publicKey(key);
        const blinded = crypto.blind(secret, r);
        const signature = crypto.signBlinded(blinded, key);
        const C = crypto.unblind(signature, r, mintKey);
        return { mintKey, blinded, signature, C, dleq: crypto.proveDleq(blinded, signature, key) };
      });
      const texts = coins.map(({ mintKey, blinded, signature, C, dleq: { e, s } }) =>
        [mintKey, blinded, signature, C, e, s].map(hexOf),
      );
      expect(texts).toEqual(EACH.map(() => texts[0]));

      const [coin] = coins;
      if (coin === undefined) throw new Error('no implementation');
      const { mintKey, blinded, signature, C, dleq } = coin;
      const accepted = byAll((crypto) => [
        crypto.verifySignatureDleq(blinded, signature, mintKey, dleq),
        crypto.verifyProofDleq({ secret, C }, mintKey, { ...dleq, r }),
        crypto.verifyProof(secret, C, key),
      ]);
      expect(accepted.flat()).not.toContain(false);
    }),
    RUNS,
  );
});

test('no implementation takes a proof in which one bit is wrong', () => {
  const flip = fc.record({
    part: fc.constantFrom('secret', 'C', 'mintKey', 'e', 's', 'r'),
    byte: fc.nat(31),
    bit: fc.nat(7),
  });
  fc.assert(
    fc.property(bytes32, scalar, scalar, flip, (secret, r, key, { part, byte, bit }) => {
      const [[, fastest] = []] = EACH;
      if (fastest === undefined) throw new Error('no implementation');
      const mintKey = fastest.publicKey(key);
      const blinded = fastest.blind(secret, r);
      const signature = fastest.signBlinded(blinded, key);
      const dleq = fastest.proveDleq(blinded, signature, key);
      const proof = { secret, C: fastest.unblind(signature, r, mintKey), mintKey, ...dleq, r };
      const wrong = { ...proof, [part]: withFlip(proof[part], byte, bit) };
      const { e, s } = wrong;

      const verdicts = byAll((crypto) =>
        crypto.verifyProofDleq(wrong, wrong.mintKey, { e, s, r: wrong.r }),
      );

      expect(verdicts).not.toContain(true);
    }),
    RUNS,
  );
});

test('all implementations sign alike, and as noble does', () => {
  fc.assert(
    fc.property(bytes32, scalar, bytes32, (message, key, aux) => {
      const x = schnorr.getPublicKey(key);
      const expected = schnorr.sign(message, key, aux);
      const signatures = byAll((crypto) => crypto.schnorrSign(message, key, aux));
      expect(signatures.map(hexOf)).toEqual(EACH.map(() => hexOf(expected)));
      const verdicts = byAll((crypto) => crypto.schnorrVerify(expected, message, x));
      expect(verdicts).not.toContain(false);
    }),
    RUNS,
  );
});

test('all implementations know the same points', () => {
  const candidate = fc
    .tuple(fc.constantFrom(0, 2, 3, 4, 6, 7), bytes32)
    .map(([first, x]) => Uint8Array.of(first, ...x));
  fc.assert(
    fc.property(candidate, (bytes) => {
      const verdicts = byAll((crypto) => crypto.isPoint(bytes));
      expect(new Set(verdicts).size).toBe(1);
    }),
    { numRuns: 100 },
  );
});

function withFlip(bytes: Uint8Array, byte: number, bit: number): Uint8Array {
  return bytes.map((value, i) => (i === bytes.length - 1 - byte ? value ^ (1 << bit) : value));
}
