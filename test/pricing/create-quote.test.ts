import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { msat } from '../../src/lib/amount.ts';
import { chargeOf } from '../../src/pricing/charge.ts';
import type { QuoteRequest } from '../../src/pricing/create-quote.ts';
import { createQuote } from '../../src/pricing/create-quote.ts';
import type { PriceSnapshot } from '../../src/pricing/snapshot.ts';

const MSAT = 10n ** 12n;

/** Input 1, output 2 msat per token, 10 msat per request. */
const SNAPSHOT: PriceSnapshot = {
  model: 'm',
  provider: 'p',
  inputPmsat: MSAT,
  cachedInputPmsat: MSAT,
  outputPmsat: 2n * MSAT,
  reasoningPmsat: 2n * MSAT,
  imagePmsat: 0n,
  requestPmsat: 10n * MSAT,
  purchasePmsat: 0n,
  minimumPmsat: 0n,
  usdPmsat: undefined,
};

function request(given: Partial<QuoteRequest> = {}): QuoteRequest {
  return {
    snapshot: SNAPSHOT,
    input: { boundTokens: 500, exact: () => Promise.resolve(100) },
    images: 0,
    choices: 1,
    outputTokens: 4_000,
    floorOutputTokens: 16,
    ...given,
  };
}

test('a quote tells the whole price, a modest one and the least we serve for', () => {
  const quote = createQuote(request());

  expect(quote).toMatchObject({
    wanted: 510n + 8_000n,
    modest: 510n + 2_048n,
    floor: 510n + 32n,
  });
});

test('each choice wants its own output', () => {
  const quote = createQuote(request({ choices: 3 }));

  expect(quote).toMatchObject({
    wanted: 510n + 24_000n,
    modest: 510n + 6_144n,
    floor: 510n + 96n,
  });
});

test('a request for little is all that is asked of its payer', () => {
  const quote = createQuote(request({ outputTokens: 5 }));

  expect(quote).toMatchObject({ wanted: 520n, modest: 520n, floor: 520n });
});

test('output is priced as reasoning and input as cached where those are dearer', () => {
  const dearer = { ...SNAPSHOT, reasoningPmsat: 3n * MSAT, cachedInputPmsat: 5n * MSAT };
  const cheaper = { ...SNAPSHOT, reasoningPmsat: 0n, cachedInputPmsat: 0n };

  expect(createQuote(request({ snapshot: dearer })).wanted).toBe(2_510n + 12_000n);
  expect(createQuote(request({ snapshot: dearer })).outputTokensWithin(msat(2_518n))).toBe(2);
  expect(createQuote(request({ snapshot: cheaper })).wanted).toBe(8_510n);
});

test('what is held tells how many tokens it affords', () => {
  const quote = createQuote(request());

  const within = [0n, 509n, 510n, 511n, 512n, 8_509n].map((held) =>
    quote.outputTokensWithin(msat(held)),
  );

  expect(within).toEqual([0, 0, 0, 0, 1, 3_999]);
  expect(quote.outputTokensWithin(msat(8_510n))).toBeUndefined();
  expect(quote.outputTokensWithin(msat(9_999n))).toBeUndefined();
});

test('a minimum buys tokens before it costs anything more', () => {
  const quote = createQuote(request({ snapshot: { ...SNAPSHOT, minimumPmsat: 600n * MSAT } }));

  expect(quote.outputTokensWithin(msat(599n))).toBe(0);
  expect(quote.outputTokensWithin(msat(600n))).toBe(45);
  expect(quote.floor).toBe(600n);
});

test('free output is never capped', () => {
  const quote = createQuote(
    request({ snapshot: { ...SNAPSHOT, outputPmsat: 0n, reasoningPmsat: 0n } }),
  );

  expect(quote.outputTokensWithin(msat(509n))).toBe(0);
  expect(quote.outputTokensWithin(msat(510n))).toBeUndefined();
});

test('a held amount affords exactly the largest output that costs no more', () => {
  const price = fc.bigInt({ min: 0n, max: 5n * MSAT });
  const snapshots = fc.record({
    inputPmsat: price,
    cachedInputPmsat: price,
    outputPmsat: price,
    reasoningPmsat: price,
    imagePmsat: price,
    requestPmsat: price,
    purchasePmsat: price,
    minimumPmsat: fc.bigInt({ min: 0n, max: 3_000n * MSAT }),
  });
  const counts = fc.record({
    boundTokens: fc.nat(2_000),
    images: fc.nat(3),
    choices: fc.integer({ min: 1, max: 4 }),
    outputTokens: fc.nat(1_500),
    floorOutputTokens: fc.integer({ min: 1, max: 50 }),
  });
  const shares = fc.double({ min: 0, max: 1.1, noNaN: true });
  fc.assert(
    fc.property(snapshots, counts, shares, (prices, { boundTokens, ...rest }, share) => {
      const snapshot = { ...SNAPSHOT, ...prices };
      const input = { boundTokens, exact: () => Promise.resolve(boundTokens) };
      const quote = createQuote({ ...rest, snapshot, input });
      const worst = (output: number): bigint => {
        const charges = [0, boundTokens].flatMap((cachedInput) =>
          [0, output].map((reasoning) =>
            chargeOf(snapshot, {
              input: boundTokens,
              cachedInput,
              output,
              reasoning,
              images: rest.images,
            }),
          ),
        );
        return charges.reduce((a, b) => (a > b ? a : b));
      };
      const total = rest.choices * rest.outputTokens;
      expect(quote.wanted).toBe(worst(total));
      expect(quote.floor <= quote.modest && quote.modest <= quote.wanted).toBe(true);

      const held = msat(BigInt(Math.floor(Number(quote.wanted) * share)));
      const tokens = quote.outputTokensWithin(held);

      if (held >= quote.wanted) {
        expect(tokens).toBeUndefined();
        return;
      }
      const afforded = tokens ?? expect.fail('a number of tokens');
      expect(afforded).toBeLessThanOrEqual(total);
      expect(worst(afforded + 1) > held).toBe(true);
      expect(afforded === 0 || worst(afforded) <= held).toBe(true);
      if (held >= quote.floor) {
        const perChoice = Math.floor(afforded / rest.choices);
        expect(perChoice).toBeGreaterThanOrEqual(
          Math.min(rest.floorOutputTokens, rest.outputTokens),
        );
      }
    }),
    { numRuns: 1_000 },
  );
});

test('a refined quote has the exact prompt, which is counted once', async () => {
  let counts = 0;
  const exact = () => {
    counts += 1;
    return Promise.resolve(100);
  };
  const quote = createQuote(request({ input: { boundTokens: 500, exact } }));

  const [refined, again] = await Promise.all([quote.refine(), quote.refine()]);

  expect(refined.wanted).toBe(110n + 8_000n);
  expect(quote.wanted).toBe(510n + 8_000n);
  expect(again).toBe(refined);
  expect(await refined.refine()).toBe(refined);
  expect(counts).toBe(1);
});

test('counts that cannot be are refused', () => {
  expect(() => createQuote(request({ choices: -1 }))).toThrow(RangeError);
  expect(() => createQuote(request({ outputTokens: 2 ** 53, choices: 2 }))).toThrow(RangeError);
});
