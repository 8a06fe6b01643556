import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createCatalog } from '../../src/router/catalog.ts';
import type { Offer, ServedModel } from '../../src/router/offer.ts';
import { usualOffers } from '../../src/router/usual-offers.ts';
import { listed, nodeOf, satPrices } from './market.ts';

interface Node {
  readonly id: string;
  readonly price: number;
  readonly trust?: number;
}

function modelOf(nodes: readonly Node[]): ServedModel {
  const sources = nodes.map(({ id, price, trust = 0.1 }) => ({
    ...nodeOf(id, ['m'], price),
    trust,
  }));
  return createCatalog({
    sources: () => sources,
    usdPmsat: () => undefined,
    clock: systemClock,
    log: silentLog,
  }).find('m');
}

const names = (offers: readonly Offer[]): string => offers.map(({ provider }) => provider).join('');

test('a stranger who asks for a fortune raises no price that is shown', () => {
  const model = modelOf([
    { id: 'a', price: 1, trust: 1 },
    { id: 'b', price: 3 },
    { id: 'c', price: 1_000_000 },
  ]);

  expect(model.offers).toHaveLength(3);
  expect(names(usualOffers(model.offers))).toBe('ab');
  expect(model.dearest.inputPmsat).toBe(3_000_000_000_000_000n);
});

test('a fortune hidden in the price of reasoning is one, too', () => {
  const told = listed('m', { satPerToken: { ...satPrices(1), reasoning: '1000000' } });
  const sources = [nodeOf('a', ['m']), { ...nodeOf('b', []), trust: 0.1, listed: () => [told] }];
  const catalog = createCatalog({
    sources: () => sources,
    usdPmsat: () => undefined,
    clock: systemClock,
    log: silentLog,
  });

  expect(names(usualOffers(catalog.find('m').offers))).toBe('a');
});

test('those who are trusted are usual at any price, and so is who is named', () => {
  const { offers } = modelOf([
    { id: 'a', price: 1 },
    { id: 'b', price: 1, trust: 0.5 },
    { id: 'c', price: 100, trust: 0.9 },
    { id: 'd', price: 399 },
    { id: 'e', price: 401 },
    { id: 'f', price: 401 },
  ]);

  expect(names(usualOffers(offers))).toBe('abcd');
  expect(names(usualOffers(offers, ({ provider }) => provider === 'f'))).toBe('abcdf');
});

test('among strangers alone the cheaper half of those who ask something is usual, and whoever is in proportion to it', () => {
  const node = fc.record({
    id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'),
    price: fc.integer({ min: 0, max: 100 }),
  });
  const nodes = fc.uniqueArray(node, { minLength: 2, maxLength: 8, selector: ({ id }) => id });
  fc.assert(
    fc.property(nodes, (all) => {
      const { offers } = modelOf(all);

      const usual = usualOffers(offers);

      const asking = offers.filter(({ nominalMsat }) => nominalMsat > 0);
      const half = asking.slice(0, Math.ceil(asking.length / 2));
      const limit = 4 * Math.max(0, ...half.map(({ nominalMsat }) => nominalMsat));
      expect(usual).toEqual(expect.arrayContaining(half));
      expect(names(usual)).toBe(names(offers.filter(({ nominalMsat }) => nominalMsat <= limit)));
    }),
  );
});

test('beside an own model that costs nothing strangers are still there for when it fails', () => {
  const model = modelOf([
    { id: 'own', price: 0, trust: 1 },
    { id: 'b', price: 3 },
    { id: 'c', price: 4 },
    { id: 'd', price: 1_000_000 },
  ]);

  expect(names(usualOffers(model.offers))).toBe('ownbc');
});
