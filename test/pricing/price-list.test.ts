import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { msat } from '../../src/lib/amount.ts';
import { ceilTimes, parseDecimal } from '../../src/lib/decimal.ts';
import { chargeOf } from '../../src/pricing/charge.ts';
import { dearestOf } from '../../src/pricing/dearest.ts';
import type { PriceConfig } from '../../src/pricing/price-list.ts';
import { priceOf, withPurchase } from '../../src/pricing/price-list.ts';
import { satPerToken, usdPerToken } from '../../src/pricing/published-price.ts';
import type { PriceSnapshot } from '../../src/pricing/snapshot.ts';
import { upstreamPrice } from '../../src/pricing/upstream-price.ts';

const UNTOLD = {
  cachedInput: undefined,
  reasoning: undefined,
  image: undefined,
  request: undefined,
};

const NOTHING = { input: 0, cachedInput: 0, output: 0, reasoning: 0, images: 0 };

/** At 50,000 USD for a bitcoin. */
const USD_PMSAT = 2n * 10n ** 18n;

function price(config: PriceConfig, markup: string | number = 1): PriceSnapshot {
  const options = { model: 'm', provider: 'p', markup, usdPmsat: USD_PMSAT };
  const snapshot = priceOf(config, options);
  return snapshot === 'no-rate' ? expect.fail('a rate was there') : snapshot;
}

test('a price in USD becomes sat at the rate, with the markup', () => {
  const snapshot = price({ unit: 'usd', input: 0.1, output: '0.20', request: '0.001' }, 1.1);

  // 0.11 USD are 220 sat for a million tokens.
  expect(satPerToken(snapshot)).toMatchObject({ input: 0.00022, output: 0.00044, request: 2.2 });
  expect(usdPerToken(snapshot)).toMatchObject({ input: 1.1e-7, output: 2.2e-7, request: 0.0011 });
  expect(snapshot.usdPmsat).toBe(USD_PMSAT);
});

test('a price in sat needs no rate', () => {
  const options = { model: 'm', provider: 'p', markup: 1, usdPmsat: undefined };
  const snapshot = priceOf({ unit: 'sat', input: 2.5, output: 5 }, options);

  expect(snapshot).toMatchObject({ inputPmsat: 2_500_000_000n, usdPmsat: undefined });
  if (snapshot === 'no-rate') expect.fail('none is needed');
  expect(usdPerToken(snapshot)).toBeUndefined();
  expect(usdPerToken(snapshot, USD_PMSAT)).toMatchObject({ input: 1.25e-9 });
});

test('a price in USD without a rate is no price', () => {
  const options = { model: 'm', provider: 'p', markup: 1, usdPmsat: undefined };

  expect(priceOf({ unit: 'usd', input: 1, output: 1 }, options)).toBe('no-rate');
});

test('cached input costs as input and reasoning as output, unless they have prices', () => {
  const plain = price({ unit: 'sat', input: 10, output: 20 });
  const detailed = price({ unit: 'sat', input: 10, output: 20, cachedInput: 0, reasoning: 30 });

  expect(plain.cachedInputPmsat).toBe(plain.inputPmsat);
  expect(plain.reasoningPmsat).toBe(plain.outputPmsat);
  expect(detailed.cachedInputPmsat).toBe(0n);
  expect(detailed.reasoningPmsat).toBe(30_000_000_000n);
});

test('a price that is not a whole number of pico-msat is rounded up', () => {
  expect(price({ unit: 'sat', input: '0.0000000001', output: 0 }).inputPmsat).toBe(1n);
  expect(price({ unit: 'sat', input: '1.0000000001', output: 0 }).inputPmsat).toBe(1_000_000_001n);
});

test('a price has no more digits than a JSON number keeps', () => {
  const snapshot = price({ unit: 'sat', input: 0, output: 0, request: '1234.5678901234567' });

  expect(snapshot.requestPmsat).toBe(1_234_567_890_123_460_000n);
  expect(satPerToken(snapshot).request).toBe(1234.56789012346);
});

test.each(['-1', 'x', Number.NaN, ''])('%s is not a price', (input) => {
  expect(() => price({ unit: 'sat', input, output: 1 })).toThrow(RangeError);
  expect(() => price({ unit: 'sat', input: 1, output: 1 }, input)).toThrow(RangeError);
});

test('an upstream tells prices per token, which become the same prices per million', () => {
  const told = {
    input: '0.0000025',
    output: '0.00001',
    cachedInput: '1.25e-6',
    reasoning: '0',
    image: '0.003613',
    request: '0',
  };

  for (const unit of ['usd', 'sat'] as const) {
    const config = upstreamPrice(told, unit);
    expect(config && price(config)).toEqual(
      price({ unit, input: 2.5, output: 10, cachedInput: 1.25, image: 0.003613 }),
    );
  }
});

test.each([
  { input: '-1', output: '-1' },
  { input: '0.1', output: '' },
  { input: '0.1', output: '0.1', image: '-1' },
  { input: '1000001', output: '1' },
  { input: '9'.repeat(41), output: '1' },
])('an upstream price that is none makes the model unpriced: %o', (given) => {
  expect(upstreamPrice({ ...UNTOLD, ...given }, 'usd')).toBeUndefined();
});

test('the smallest and the largest price an upstream may tell can be calculated with', () => {
  const config = upstreamPrice({ ...UNTOLD, input: '1e-40', output: 1e6 }, 'usd');

  expect(config && price(config)).toMatchObject({
    inputPmsat: 1n,
    outputPmsat: 1_000_000n * USD_PMSAT,
  });
});

test('a price in sat may have more digits than one in USD, but no end of them', () => {
  const told = { ...UNTOLD, input: '1', output: '1000000000' };

  expect(upstreamPrice(told, 'sat')).toBeDefined();
  expect(upstreamPrice(told, 'usd')).toBeUndefined();
  expect(upstreamPrice({ ...told, output: '1000000001' }, 'sat')).toBeUndefined();
});

test('what it costs to buy an answer is part of the price of a request, and of the minimum', () => {
  const plain = price({ unit: 'sat', input: 1, output: 2, request: '2.2', minimum: 3 });

  const bought = withPurchase(plain, msat(1_500n));

  expect(satPerToken(bought)).toMatchObject({ input: 1e-6, request: 3.7, minimum: 4.5 });
  expect(bought.requestPmsat).toBe(plain.requestPmsat);
  expect(withPurchase(plain, msat(0n))).toBe(plain);
});

test('a price with its purchase covers both, and is published to the last digit', () => {
  const sat = fc.tuple(fc.nat(2_000_000), fc.nat(999_999_999)).map(([a, b]) => `${a}.${b}`);
  fc.assert(
    fc.property(sat, sat, fc.bigInt({ min: 1n, max: 10n ** 9n }), (request, minimum, overhead) => {
      const plain = price({ unit: 'sat', input: 0, output: 0, request, minimum });

      const bought = withPurchase(plain, msat(overhead));

      const added = overhead * 10n ** 12n;
      const sum = bought.requestPmsat + bought.purchasePmsat;
      expect(sum >= plain.requestPmsat + added).toBe(true);
      expect(bought.minimumPmsat >= plain.minimumPmsat + (plain.minimumPmsat && added)).toBe(true);
      const published = parseDecimal(satPerToken(bought).request) ?? expect.fail('a decimal');
      expect(ceilTimes(published, 10n ** 15n)).toBe(sum);
      expect((sum - plain.requestPmsat - added) * 10n ** 14n <= sum).toBe(true);
    }),
  );
});

test('the dearest of several candidates is the highest of each price', () => {
  const cheapInput = price({ unit: 'sat', input: 1, output: 20, request: 1 });
  const cheapOutput = price({ unit: 'usd', input: 2, output: 0.001, minimum: 0.5 });

  const dearest = dearestOf([cheapInput, cheapOutput]);

  expect(dearest).toMatchObject({
    inputPmsat: cheapOutput.inputPmsat,
    outputPmsat: cheapInput.outputPmsat,
    requestPmsat: cheapInput.requestPmsat,
    minimumPmsat: cheapOutput.minimumPmsat,
    usdPmsat: USD_PMSAT,
  });
  expect(dearestOf([cheapInput])).toEqual(cheapInput);
});

test('the dearest of bought and other answers is the highest sum of request and purchase', () => {
  const own = price({ unit: 'sat', input: 0, output: 0, request: 5 });
  const bought = withPurchase(price({ unit: 'sat', input: 0, output: 0, request: 3 }), msat(1n));

  expect(chargeOf(dearestOf([own, bought]), NOTHING)).toBe(5_000n);
  expect(chargeOf(dearestOf([bought, own]), NOTHING)).toBe(5_000n);
  expect(chargeOf(dearestOf([withPurchase(own, msat(2n)), bought]), NOTHING)).toBe(5_002n);
});
