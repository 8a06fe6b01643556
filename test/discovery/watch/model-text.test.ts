import fc from 'fast-check';
import { expect, test } from 'vitest';

import { modelText, readModelText } from '../../../src/discovery/watch/model-text.ts';

const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });
const price = fc.double({ min: 0, max: 1, noNaN: true }).map(String);
const prices = fc.record({
  input: price,
  output: price,
  cachedInput: maybe(price),
  reasoning: maybe(price),
  image: maybe(price),
  request: maybe(price),
});
const model = fc.record({
  id: fc.string({ minLength: 1 }),
  name: maybe(fc.string({ minLength: 1 })),
  contextLength: maybe(fc.nat()),
  maxOutput: maybe(fc.nat()),
  usdPerToken: maybe(prices),
  satPerToken: maybe(prices),
});

test('A model list is read back as it was written', () => {
  fc.assert(
    fc.property(fc.array(model), (models) => {
      expect(readModelText(modelText(models))).toEqual(models);
    }),
  );
});

test.each(['', '{', '{}', 'null', '7'])('Of a damaged text nothing is read: %j', (text) => {
  expect(readModelText(text)).toBeUndefined();
});

test('Rows that are no models are left out', () => {
  expect(readModelText('[7, [], [1], {"id": "a"}]')).toEqual([]);
});
