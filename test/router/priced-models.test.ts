import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { msat, ZERO_MSAT } from '../../src/lib/amount.ts';
import { chargeOf } from '../../src/pricing/charge.ts';
import { priceOf } from '../../src/pricing/price-list.ts';
import { PMSAT_PER_MSAT } from '../../src/pricing/snapshot.ts';
import type { Offer } from '../../src/router/offer.ts';
import { pricedModels } from '../../src/router/priced-models.ts';
import { isBelowCost } from '../../src/router/purchase.ts';
import type { Upstream } from '../../src/upstream/upstream.ts';
import { configured, listed, listingUpstream, sourceOf, TEN_TWENTY } from './market.ts';
import { offer, satPrice } from './offers.ts';

const TERMS = { model: 'm', provider: 'a', usdPmsat: undefined };
const USED = { input: 1_000, output: 500, choices: 1, images: 0 };

/** The offer of a model for which the operator wrote 10 and 20 msat a token, and the upstream tells `sat` a token. */
function offerAt(buying: Upstream['buying'], sat: string, belowCost = false): Offer | undefined {
  const prices = {
    input: sat,
    output: sat,
    cachedInput: undefined,
    reasoning: undefined,
    image: undefined,
    request: undefined,
  };
  const list = [listed('m', { satPerToken: prices })];
  const upstream = { ...listingUpstream('up', () => list), buying };
  const models = [configured('m', { price: TEN_TWENTY })];
  const source = sourceOf('up', { upstream, models, belowCost });
  const market = { source, list, usdPmsat: undefined, overhead: ZERO_MSAT, atMs: 0, trust: 1 };
  const run = pricedModels(market);
  for (;;) {
    const step = run.next();
    if (step.done === true) return step.value.priced[0]?.offer;
  }
}

const BUYING = {
  affordable: () => msat(1_000_000n),
  why: () => 'no funds',
  overhead: () => ZERO_MSAT,
};

test('what a node charges is what it tells itself: it is not sold for less because the operator wrote less', () => {
  const dear = offerAt(BUYING, '0.05');

  expect(dear).toMatchObject({ snapshot: { inputPmsat: 10n * 10n ** 12n } });
  expect(dear?.cost.inputPmsat).toBe(5n * (dear?.snapshot.inputPmsat ?? 0n));
  expect([dear, offerAt(BUYING, '0.05', true), offerAt(BUYING, '0.001')].map(isBelow)).toEqual([
    true,
    false,
    false,
  ]);
});

test('no request is sold for less than it costs, however small its prompt or its answer', () => {
  const [low, high] = [10_000, 100_000];
  const dearInput = offer('a', {
    snapshot: satPrice('a', high, low),
    cost: satPrice('a', low, high),
  });
  const dearOutput = offer('a', {
    snapshot: satPrice('a', low, high),
    cost: satPrice('a', high, low),
  });
  const atLeast = (sat: bigint) => ({ minimumPmsat: sat * 1_000n * PMSAT_PER_MSAT });
  const flat = { ...satPrice('a', 0, 0), ...atLeast(60n) };
  const cost = satPrice('a', low, 2 * low);

  const all = [
    dearInput,
    dearOutput,
    offer('a', { snapshot: flat, cost }),
    offer('a', { snapshot: { ...flat, ...atLeast(1n) }, cost }),
    offer('a', { snapshot: satPrice('a', 2 * low), cost: { ...cost, ...atLeast(5n) } }),
  ];

  expect(all.map((one) => isBelowCost(one, { ...USED, input: 1_000 }))).toEqual([
    true,
    true,
    false,
    true,
    true,
  ]);
});

test('whatever is used of an offer that is not below cost, it is not', () => {
  const price = fc.constantFrom(0, 1, 10, 1_000, 50_000);
  const prices = fc
    .record({
      input: price,
      cachedInput: price,
      output: price,
      reasoning: price,
      request: price,
      minimum: price,
    })
    .map((config) => {
      const made = priceOf({ unit: 'sat', ...config }, { ...TERMS, markup: '1' });
      if (made === 'no-rate') throw new Error('prices in sat need no rate');
      return made;
    });
  const part = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(prices, prices, fc.tuple(part, part, part, part), (snapshot, cost, parts) => {
      fc.pre(!isBelowCost(offer('a', { snapshot, cost }), USED));
      const [ofInput, ofCached, ofOutput, ofReasoning] = parts;
      const input = Math.floor(ofInput * USED.input);
      const output = Math.floor(ofOutput * USED.output);
      const usage = {
        input,
        cachedInput: Math.floor(ofCached * input),
        output,
        reasoning: Math.floor(ofReasoning * output),
        images: 0,
      };

      expect(chargeOf(snapshot, usage)).toBeGreaterThanOrEqual(chargeOf(cost, usage));
    }),
  );
});

test('what an upstream costs that is not bought from is what the operator wrote', () => {
  const offer = offerAt(undefined, '0.05');

  expect(offer?.cost).toEqual(offer?.snapshot);
});

function isBelow(offer: Offer | undefined): boolean | undefined {
  return offer === undefined ? undefined : isBelowCost(offer, USED);
}
