import { expect, test } from 'vitest';

import { msat, ZERO_MSAT } from '../../src/lib/amount.ts';
import type { Offer } from '../../src/router/offer.ts';
import { pricedModels } from '../../src/router/priced-models.ts';
import { isBelowCost } from '../../src/router/purchase.ts';
import type { Upstream } from '../../src/upstream/upstream.ts';
import { configured, listed, listingUpstream, sourceOf, TEN_TWENTY } from './market.ts';

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

test('what an upstream costs that is not bought from is what the operator wrote', () => {
  const offer = offerAt(undefined, '0.05');

  expect(offer?.cost).toEqual(offer?.snapshot);
});

function isBelow(offer: Offer | undefined): boolean | undefined {
  return offer === undefined ? undefined : isBelowCost(offer, USED);
}
