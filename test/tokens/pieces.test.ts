import fc from 'fast-check';
import { expect, test } from 'vitest';

import { piecesOf } from '../../src/tokens/pieces.ts';

test('pieces never cut a surrogate pair', () => {
  const text = `x${'😀'.repeat(600)}`;
  const pieces = [...piecesOf(text)];
  expect(pieces.join('')).toBe(text);
  expect(pieces.every((piece) => piece.isWellFormed())).toBe(true);
});

test('pieces are short, are not empty, and are the text', () => {
  const unit = fc.oneof(
    fc.constantFrom('\ud800', '\udc00', '😀', 'a'),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 1000, size: 'max' }), (units) => {
      const text = units.join('');
      const pieces = [...piecesOf(text)];
      expect(pieces.join('')).toBe(text);
      expect(pieces.every(({ length }) => length > 0 && length <= 256)).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test('an empty text has no pieces', () => {
  expect([...piecesOf('')]).toEqual([]);
});
