import fc from 'fast-check';
import { get_encoding } from 'tiktoken';
import { expect, test } from 'vitest';

import { bytesOf, promptBound } from '../../src/tokens/byte-bound.ts';

const NOTHING = { textBytes: 0, messages: 0, imageTokens: 0 };

test('bytes are those of UTF-8, over all texts', () => {
  expect(bytesOf([])).toBe(0);
  expect(bytesOf(['abc', 'ü', '字', '😀', '\ud800'])).toBe(3 + 2 + 3 + 4 + 3);
});

test('every part of a prompt raises its bound', () => {
  const empty = promptBound(NOTHING);
  expect(empty).toBeGreaterThan(0);
  expect(promptBound({ ...NOTHING, textBytes: 1000 })).toBe(empty + 1000);
  expect(promptBound({ ...NOTHING, imageTokens: 1445 })).toBe(empty + 1445);
  const [one, two] = [1, 2].map((messages) => promptBound({ ...NOTHING, messages }));
  expect(one).toBeGreaterThan(empty);
  expect(Number(two) - Number(one)).toBe(Number(one) - empty);
});

test('a factor widens the text alone, and rounds up', () => {
  const size = { textBytes: 3, messages: 2, imageTokens: 100 };
  expect(promptBound(size, 1.5) - promptBound(size)).toBe(2);
});

test('no text has more tokens than bytes', () => {
  const encodings = [get_encoding('o200k_base'), get_encoding('cl100k_base')];
  const unit = fc.oneof(fc.constantFrom('\ud800', '😀', '字', '<|endoftext|>'), fc.string());
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.array(unit, { maxLength: 30 }).map((units) => units.join('')),
  );
  fc.assert(
    fc.property(text, (text) => {
      for (const encoding of encodings) {
        expect(encoding.encode_ordinary(text).length).toBeLessThanOrEqual(bytesOf([text]));
      }
    }),
    { numRuns: 200 },
  );
});
