import { expect, test } from 'vitest';

import { dearestOf } from '../../src/pricing/dearest.ts';
import type { PriceConfig } from '../../src/pricing/price-list.ts';
import { priceOf } from '../../src/pricing/price-list.ts';
import { satPerToken, usdPerToken } from '../../src/pricing/published-price.ts';
import type { PriceSnapshot } from '../../src/pricing/snapshot.ts';
import { upstreamPrice } from '../../src/pricing/upstream-price.ts';

const UNTOLD = {
  cachedInput: undefined,
  reasoning: undefined,
  image: undefined,
  request: undefined,
};

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
  const config = upstreamPrice({
    input: '0.0000025',
    output: '0.00001',
    cachedInput: '1.25e-6',
    reasoning: '0',
    image: '0.003613',
    request: '0',
  });

  expect(config && price(config)).toEqual(
    price({ unit: 'usd', input: 2.5, output: 10, cachedInput: 1.25, image: 0.003613 }),
  );
});

test.each([
  { input: '-1', output: '-1' },
  { input: '0.1', output: '' },
  { input: '0.1', output: '0.1', image: '-1' },
  { input: '1000001', output: '1' },
  { input: '9'.repeat(41), output: '1' },
])('an upstream price that is none makes the model unpriced: %o', (given) => {
  expect(upstreamPrice({ ...UNTOLD, ...given })).toBeUndefined();
});

test('the smallest and the largest price an upstream may tell can be calculated with', () => {
  const config = upstreamPrice({ ...UNTOLD, input: '1e-40', output: 1e6 });

  expect(config && price(config)).toMatchObject({
    inputPmsat: 1n,
    outputPmsat: 1_000_000n * USD_PMSAT,
  });
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
