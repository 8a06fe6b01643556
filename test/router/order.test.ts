import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { msat } from '../../src/lib/amount.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { RouterError } from '../../src/lib/errors.ts';
import { silentLog } from '../../src/lib/log.ts';
import { chargeOf } from '../../src/pricing/charge.ts';
import type { CatalogSource } from '../../src/router/catalog-source.ts';
import { createCatalog } from '../../src/router/catalog.ts';
import { readOrder } from '../../src/router/order.ts';
import type { Order, OrderParts } from '../../src/router/order.ts';
import type { Buying } from '../../src/upstream/upstream.ts';
import { countWords, firstOfEquals } from './fakes.ts';
import { configured, listed, nodeOf, sourceOf } from './market.ts';

/** In pico-msat. */
const SAT = 10n ** 15n;

function partsOf(sources: readonly CatalogSource[]): OrderParts {
  const options = { clock: systemClock, log: silentLog, usdPmsat: () => undefined };
  return {
    catalog: createCatalog({ ...options, sources: () => sources }),
    routing: firstOfEquals(),
    countTokens: countWords,
    floorOutputTokens: 16,
  };
}

interface Asked {
  readonly body?: object;
  readonly hops?: number;
}

function order(sources: readonly CatalogSource[], asked: Asked = {}): Order {
  return orderFrom(partsOf(sources), asked);
}

function orderFrom(parts: OrderParts, { body, hops = 0 }: Asked = {}): Order {
  const messages = [{ role: 'user', content: 'Hi' }];
  return readOrder(parts, {
    body: Buffer.from(JSON.stringify({ model: 'm', messages, max_tokens: 100, ...body })),
    hops,
    credentials: { headers: {}, rawHeaders: [], address: '127.0.0.1', requestId: 'r' },
  });
}

const providersOf = ({ offers }: Order) => offers.map(({ provider }) => provider);

const errorOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof RouterError) return error.code;
  }
  return 'nothing thrown';
};

const PLENTY: Buying = {
  affordable: () => msat(10n ** 12n),
  why: () => 'no funds',
  overhead: () => msat(0n),
};

/** A node that can be bought from. */
function bought(id: string, models: readonly string[], price = 1): CatalogSource {
  const node = nodeOf(id, models, price);
  return { ...node, upstream: { ...node.upstream, buying: PLENTY } };
}

describe('the quote', () => {
  test('is that of the dearest candidate, not of an offer that is not tried', () => {
    const sources = [
      nodeOf('a', ['m'], 1),
      nodeOf('b', ['m'], 2),
      { ...nodeOf('c', ['m'], 1_000_000), trust: 0.1 },
    ];
    const usual = order(sources);
    const named = ['only', 'order'].map((field) =>
      order(sources, { body: { provider: { [field]: ['c'] } } }),
    );

    expect(providersOf(usual)).toEqual(['a', 'b']);
    expect(usual.quote.snapshot).toMatchObject({ model: 'm', inputPmsat: 2n * SAT });
    expect(named.map(providersOf)).toEqual([['c'], ['c', 'a', 'b']]);
    expect(named[1]?.quote.snapshot.inputPmsat).toBe(1_000_000n * SAT);
  });

  test('of the same candidates has the same snapshot', () => {
    const parts = partsOf([nodeOf('a', ['m'], 1), nodeOf('b', ['m'], 2)]);

    const first = orderFrom(parts).quote.snapshot;

    expect(orderFrom(parts, { body: { max_tokens: 7 } }).quote.snapshot).toBe(first);
    expect(orderFrom(parts, { body: { provider: { only: ['a'] } } }).quote.snapshot).not.toBe(
      first,
    );
  });

  test('covers whatever a candidate may charge, and has no price that none of them asks', () => {
    const price = fc.integer({ min: 0, max: 50 }).map(String);
    const prices = fc.record({
      input: price,
      output: price,
      cachedInput: price,
      reasoning: price,
      image: fc.constant(undefined),
      request: price,
    });
    const shares = fc.record({ output: fc.nat(100), cached: fc.nat(20), thought: fc.nat(100) });
    fc.assert(
      fc.property(
        fc.array(prices, { minLength: 1, maxLength: 12 }),
        shares,
        (all, { output, cached, thought }) => {
          const sources = all.map((satPerToken, index) => ({
            ...nodeOf(`p${index}`, []),
            listed: (
              (list) => () =>
                list
            )([listed('m', { satPerToken })]),
          }));
          const { quote, offers, inputTokens } = order(sources);

          for (const { snapshot } of offers) {
            const charge = chargeOf(snapshot, {
              input: inputTokens,
              cachedInput: Math.min(cached, inputTokens),
              output,
              reasoning: Math.min(thought, output),
              images: 0,
            });
            expect(charge <= quote.wanted).toBe(true);
          }
          const highest = offers
            .map(({ snapshot }) => snapshot.outputPmsat)
            .reduce((a, b) => (a > b ? a : b));
          expect(quote.snapshot.outputPmsat).toBe(highest);
          expect(offers.length).toBeLessThanOrEqual(8);
        },
      ),
      { numRuns: 60 },
    );
  });
});

test('any limit of the output that is a number has a price', () => {
  const body = { max_tokens: Number.MAX_SAFE_INTEGER, n: 128 };

  const { quote, outputTokens } = order([sourceOf('a')], { body });

  expect(Number.isSafeInteger(outputTokens)).toBe(true);
  expect(quote.wanted).toBeGreaterThan(10n ** 12n);
  expect(quote.outputTokensWithin(msat(10_000_000n))).toBeGreaterThan(100_000);
});

describe('fallback models', () => {
  const sources = [nodeOf('a', ['m'], 1), nodeOf('b', ['n'], 7), nodeOf('c', ['v/M.1'], 3)];

  test('stand behind the model that is asked for, and the hold covers them all', () => {
    const fallen = order(sources, { body: { models: ['v/M.1', 'n'], route: 'fallback' } });

    expect(providersOf(fallen)).toEqual(['a', 'c', 'b']);
    expect(fallen.quote.snapshot).toMatchObject({
      model: 'm',
      inputPmsat: 7n * SAT,
    });
  });

  test('count once, whatever their spellings', () => {
    const fallen = order(sources, { body: { model: 'v/m.1', models: ['m-1', 'V/M.1', 'm'] } });

    expect(providersOf(fallen)).toEqual(['c', 'a']);
  });

  test('serve where the model that is asked for is unknown; with none of them it is 404', () => {
    expect(providersOf(order(sources, { body: { model: 'x', models: ['n'] } }))).toEqual(['b']);
    expect(errorOf(() => order(sources, { body: { model: 'x', models: ['y'] } }))).toBe(
      'model_not_found',
    );
  });
});

describe('a request that has passed other routers', () => {
  const sources = [sourceOf('own', { models: [configured('m')] }), bought('node', ['m', 'n'])];

  test('is not passed on to a third', () => {
    expect(providersOf(order(sources, { hops: 1 }))).toContain('node');
    expect(providersOf(order(sources, { hops: 2 }))).toEqual(['own']);
    expect(errorOf(() => order(sources, { hops: 2, body: { model: 'n' } }))).toBe('no_upstream');
  });
});

describe('what a request may ask for', () => {
  test.each([
    ['models', ['n']],
    ['route', 'fallback'],
    ['provider', { ignore: ['x'] }],
  ])('%s says who answers, and is taken', (field, value) => {
    expect(providersOf(order([sourceOf('a')], { body: { [field]: value } }))).toEqual(['a']);
  });

  test.each([
    ['plugins', [{ id: 'web' }], 'unsupported_parameter'],
    ['service_tier', 'priority', 'unsupported_parameter'],
    ['route', 'sideways', 'invalid_request'],
  ])('%s as %o is refused', (field, value, code) => {
    expect(errorOf(() => order([sourceOf('a')], { body: { [field]: value } }))).toBe(code);
  });
});
