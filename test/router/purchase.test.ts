import { expect, test } from 'vitest';

import { isBelowCost } from '../../src/router/purchase.ts';
import { offer, satPrice } from './offers.ts';

const PRICE = satPrice('a', 10_000);
const USED = { input: 1_000, output: 1_000, choices: 1, images: 1 };

test.each([
  'inputPmsat',
  'cachedInputPmsat',
  'outputPmsat',
  'reasoningPmsat',
  'imagePmsat',
  'requestPmsat',
  'purchasePmsat',
  'minimumPmsat',
] as const)('what costs more than it is sold for, if only by %s, is sold below cost', (field) => {
  const cost = { ...PRICE, [field]: 10n ** 18n };

  expect(isBelowCost(offer('a', { snapshot: PRICE, cost }), USED)).toBe(true);
  expect(isBelowCost(offer('a', { snapshot: cost, cost: PRICE }), USED)).toBe(false);
  expect(isBelowCost(offer('a', { snapshot: PRICE, cost, belowCost: true }), USED)).toBe(false);
});
