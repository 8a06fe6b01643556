import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { msat } from '../../src/lib/amount.ts';
import { chargeOf } from '../../src/pricing/charge.ts';
import { priceOf, withPurchase } from '../../src/pricing/price-list.ts';
import type { PriceConfig, PriceOptions } from '../../src/pricing/price-list.ts';
import { satPerToken } from '../../src/pricing/published-price.ts';
import type { PriceSnapshot } from '../../src/pricing/snapshot.ts';
import type { Usage } from '../../src/tokens/usage.ts';

const RUNS = { numRuns: 1_000 };

// The oracle: rationals from the decimals that a providers.json holds, without any code of the router.
interface Rational {
  readonly n: bigint;
  readonly d: bigint;
}

const whole = (n: number | bigint): Rational => ({ n: BigInt(n), d: 1n });
const plus = (a: Rational, b: Rational): Rational => ({ n: a.n * b.d + b.n * a.d, d: a.d * b.d });
const minus = (a: Rational, b: Rational): Rational => plus(a, { n: -b.n, d: b.d });
const times = (a: Rational, b: Rational): Rational => ({ n: a.n * b.n, d: a.d * b.d });
const isBelow = (a: Rational, b: Rational): boolean => a.n * b.d < b.n * a.d;
const larger = (a: Rational, b: Rational): Rational => (isBelow(a, b) ? b : a);

function rational(text: string): Rational {
  const [digits = '', fraction = ''] = text.split('.');
  return { n: BigInt(digits + fraction), d: 10n ** BigInt(fraction.length) };
}

/** The least multiple of a pico-msat with at most 15 significant digits that is not below `msat`. */
function published(msat: Rational): Rational {
  const pico = 10n ** 12n;
  let step = 1n;
  let units = (msat.n * pico + msat.d - 1n) / msat.d;
  while (units >= 10n ** 15n) {
    step *= 10n;
    units = (msat.n * pico + msat.d * step - 1n) / (msat.d * step);
  }
  return { n: units * step, d: pico };
}

type Prices = Record<Exclude<keyof PriceConfig, 'unit'>, string>;

/** What `usage` costs in msat: `exact` from the file's own decimals, `priced` from the prices as they are published. */
function oracle(file: PriceConfig & Prices, markup: string, msatPerUnit: Rational, usage: Usage) {
  const cost = (quantise: (price: Rational) => Rational): Rational => {
    const piece = (price: string) =>
      quantise(times(times(rational(price), rational(markup)), msatPerUnit));
    const token = (price: string) =>
      quantise(
        times(times(rational(price), rational(markup)), {
          ...msatPerUnit,
          d: msatPerUnit.d * 1_000_000n,
        }),
      );
    const parts = [
      times(token(file.input), whole(usage.input - usage.cachedInput)),
      times(token(file.cachedInput), whole(usage.cachedInput)),
      times(token(file.output), whole(usage.output - usage.reasoning)),
      times(token(file.reasoning), whole(usage.reasoning)),
      times(piece(file.image), whole(usage.images)),
      piece(file.request),
    ];
    return larger(parts.reduce(plus), piece(file.minimum));
  };
  return { exact: cost((price) => price), priced: cost(published) };
}

const decimal = (max: number, places: number) =>
  fc
    .tuple(fc.nat(max), fc.integer({ min: 0, max: places }), fc.nat(10 ** places - 1))
    .map(([left, length, right]) =>
      length === 0 ? String(left) : `${left}.${String(right).padStart(places, '0').slice(-length)}`,
    );

const prices = fc.record({
  input: decimal(200, 6),
  output: decimal(500, 6),
  cachedInput: decimal(100, 6),
  reasoning: decimal(600, 6),
  image: decimal(2, 4),
  request: decimal(2, 4),
  minimum: decimal(3, 4),
});

const markups = decimal(3, 4).filter((markup) => rational(markup).n > 0n);

/** BTC in USD. */
const rates = decimal(200_000, 2).filter((rate) => rational(rate).n >= 1n);

const usages: fc.Arbitrary<Usage> = fc
  .record({
    input: fc.nat(2_000_000),
    output: fc.nat(200_000),
    cached: fc.double({ min: 0, max: 1, noNaN: true }),
    thought: fc.double({ min: 0, max: 1, noNaN: true }),
    images: fc.nat(8),
  })
  .map(({ input, output, cached, thought, images }) => ({
    input,
    cachedInput: Math.floor(input * cached),
    output,
    reasoning: Math.floor(output * thought),
    images,
  }));

function snapshotOf(config: PriceConfig, options: Partial<PriceOptions> = {}): PriceSnapshot {
  const snapshot = priceOf(config, {
    model: 'm',
    provider: 'p',
    markup: '1',
    usdPmsat: undefined,
    ...options,
  });
  return snapshot === 'no-rate' ? expect.fail('a rate was there') : snapshot;
}

const usage = (given: Partial<Usage>): Usage => ({
  input: 0,
  cachedInput: 0,
  output: 0,
  reasoning: 0,
  images: 0,
  ...given,
});

describe('the charge', () => {
  test('is the priced usage, rounded up by less than one msat', () => {
    const cases = fc.record({
      unit: fc.constantFrom('sat', 'usd'),
      prices,
      markup: markups,
      rate: rates,
      usage: usages,
    });
    fc.assert(
      fc.property(cases, ({ unit, prices, markup, rate, usage }) => {
        const perBitcoin = rational(rate);
        const usdPmsat = (10n ** 23n * perBitcoin.d + perBitcoin.n - 1n) / perBitcoin.n;
        const msatPerUnit = unit === 'sat' ? whole(1_000) : { n: usdPmsat, d: 10n ** 12n };
        const file = { unit, ...prices } as const;

        const snapshot = snapshotOf(file, { markup, usdPmsat });
        const charge = whole(chargeOf(snapshot, usage));

        const { exact, priced } = oracle(file, markup, msatPerUnit, usage);
        const over = minus(charge, priced);
        expect(over.n >= 0n).toBe(true);
        expect(isBelow(over, whole(1))).toBe(true);
        // Publishing prices with 15 digits and 12 places costs the payer less than a millionth of the price and an msat.
        expect(isBelow(priced, exact)).toBe(false);
        const tolerance = plus(times(exact, { n: 1n, d: 1_000_000n }), whole(1));
        expect(isBelow(minus(priced, exact), tolerance)).toBe(true);
      }),
      RUNS,
    );
  });

  test('follows from the published sat prices alone', () => {
    const read = (value: number): bigint => {
      const [mantissa = '', exponent = '0'] = String(value).split('e');
      const [left = '', right = ''] = mantissa.split('.');
      return BigInt(left + right) * 10n ** BigInt(15 + Number(exponent) - right.length);
    };
    fc.assert(
      fc.property(prices, rates, usages, (prices, rate, usage) => {
        const usdPmsat = (10n ** 23n * rational(rate).d) / rational(rate).n;
        const snapshot = snapshotOf({ unit: 'usd', ...prices }, { usdPmsat });

        const sat = satPerToken(snapshot);

        const sum =
          BigInt(usage.input - usage.cachedInput) * read(sat.input) +
          BigInt(usage.cachedInput) * read(sat.cachedInput) +
          BigInt(usage.output - usage.reasoning) * read(sat.output) +
          BigInt(usage.reasoning) * read(sat.reasoning) +
          BigInt(usage.images) * read(sat.image) +
          read(sat.request);
        const pico = sum > read(sat.minimum) ? sum : read(sat.minimum);
        expect(chargeOf(snapshot, usage)).toBe((pico + 10n ** 12n - 1n) / 10n ** 12n);
      }),
      RUNS,
    );
  });

  test('never falls when there is more of anything', () => {
    const more = fc.record({ input: fc.nat(1_000), output: fc.nat(1_000), images: fc.nat(3) });
    fc.assert(
      fc.property(prices, usages, more, (prices, usage, more) => {
        const snapshot = snapshotOf({ unit: 'sat', ...prices });
        const larger = {
          ...usage,
          input: usage.input + more.input,
          output: usage.output + more.output,
          images: usage.images + more.images,
        };
        expect(chargeOf(snapshot, larger)).toBeGreaterThanOrEqual(chargeOf(snapshot, usage));
      }),
      RUNS,
    );
  });

  test('of tokens, cache, reasoning, images and the request adds up as one would by hand', () => {
    const snapshot = snapshotOf({
      unit: 'sat',
      input: 1_000,
      cachedInput: '100',
      output: 2_000,
      reasoning: '3000',
      image: 2,
      request: '0.5',
    });

    const charge = chargeOf(
      snapshot,
      usage({ input: 1_000, cachedInput: 400, output: 500, reasoning: 100, images: 3 }),
    );

    // 600 x 1 + 400 x 0.1 + 400 x 2 + 100 x 3 msat + 6 sat + 0.5 sat
    expect(charge).toBe(600n + 40n + 800n + 300n + 6_000n + 500n);
  });

  test('is rounded up once, not once for each part', () => {
    const snapshot = snapshotOf({ unit: 'sat', input: 300, output: 400, cachedInput: 300 });

    expect(chargeOf(snapshot, usage({ input: 1, output: 1 }))).toBe(1n);
    expect(chargeOf(snapshot, usage({ input: 2, output: 1 }))).toBe(1n);
    expect(chargeOf(snapshot, usage({ input: 1, output: 2 }))).toBe(2n);
  });

  test('of a served request that used nothing is its request price, or the minimum', () => {
    const config = { unit: 'sat', input: 1, output: 1, request: '0.2' } as const;

    expect(chargeOf(snapshotOf(config), usage({}))).toBe(200n);
    expect(chargeOf(snapshotOf({ ...config, minimum: 1 }), usage({}))).toBe(1_000n);
  });

  test('holds the purchase of the answer once, whatever it used, and above the minimum', () => {
    const config = { unit: 'sat', input: 1_000, output: 1_000, minimum: 1 } as const;
    const bought = withPurchase(snapshotOf(config), msat(70n));

    expect(chargeOf(bought, usage({}))).toBe(1_070n);
    expect(chargeOf(bought, usage({ input: 1_000, output: 1_000 }))).toBe(2_070n);
  });

  test('of a bought answer is the price at its provider and the purchase', () => {
    fc.assert(
      fc.property(prices, usages, fc.bigInt({ min: 0n, max: 10n ** 7n }), (prices, usage, fee) => {
        const snapshot = snapshotOf({ unit: 'sat', ...prices });

        const purchase =
          chargeOf(withPurchase(snapshot, msat(fee)), usage) - chargeOf(snapshot, usage);

        expect(purchase).toBeGreaterThanOrEqual(rational(prices.minimum).n === 0n ? fee : 0n);
        expect(purchase).toBeLessThanOrEqual(fee + 1n);
      }),
      RUNS,
    );
  });

  test('of a free model is zero', () => {
    const free = snapshotOf({ unit: 'sat', input: 0, output: '0.0' });

    expect(chargeOf(free, usage({ input: 10, output: 10 }))).toBe(0n);
  });

  test.each([
    { input: -1 },
    { input: 1.5 },
    { output: Number.NaN },
    { input: 1, cachedInput: 2 },
    { output: 1, reasoning: 2 },
    { images: 2 ** 53 },
  ])('of usage that cannot be is refused: %o', (given) => {
    const snapshot = snapshotOf({ unit: 'sat', input: 1, output: 1 });

    expect(() => chargeOf(snapshot, usage(given))).toThrow(RangeError);
  });
});
