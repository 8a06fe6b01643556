import { expect, test } from 'vitest';

import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { CatalogSource } from '../../src/router/catalog-source.ts';
import { createCatalog } from '../../src/router/catalog.ts';
import { modelItems } from '../../src/router/model-items.ts';
import { configured, listed, nodeOf, satPrices, sourceOf, TEN_TWENTY } from './market.ts';

const PMSAT_PER_USD = 1_000_000_000_000_000_000n;

function itemsOf(models: readonly Parameters<typeof configured>[], usdPmsat?: bigint) {
  const own = sourceOf('a', { models: models.map(([id, more]) => configured(id, more)) });
  return itemsFrom([own], usdPmsat);
}

function itemsFrom(sources: readonly CatalogSource[], usdPmsat?: bigint) {
  const catalog = createCatalog({
    sources: () => sources,
    usdPmsat: () => usdPmsat,
    clock: systemClock,
    log: silentLog,
  });
  return modelItems(catalog.models(), { usdPmsat, startedS: 1_700_000_000 });
}

/** The otrta client refuses the whole list for one price that is no number. */
const NUMBERS = Object.fromEntries(
  ['prompt', 'completion', 'request', 'image', 'web_search', 'internal_reasoning'].map((field) => [
    field,
    expect.any(Number),
  ]),
);

test.each([
  ['everything is known', { context: 8_000, maxOutput: 2_000 }, PMSAT_PER_USD],
  ['nothing but the price is known', {}, undefined],
  ['the price is in USD', { price: { unit: 'usd', input: '1', output: '2' } }, PMSAT_PER_USD],
] as const)(
  'an item has every field that some client cannot do without when %s',
  (_title, more, rate) => {
    const [item] = itemsOf([['org/m', more]], rate);
    if (item === undefined) throw new Error('no item');

    expect(item).toMatchObject({
      id: 'org/m',
      object: 'model',
      name: expect.any(String),
      description: expect.any(String),
      owned_by: expect.any(String),
      canonical_slug: expect.any(String),
      enabled: true,
      per_request_limits: null,
      created: 1_700_000_000,
    });
    expect(item['context_length']).toSatisfy(Number.isSafeInteger);
    expect(item['architecture']).toMatchObject({
      modality: expect.any(String),
      input_modalities: expect.arrayContaining(['text']),
      output_modalities: ['text'],
      tokenizer: expect.any(String),
      instruct_type: null,
    });
    const satsPricing = item['sats_pricing'] as Record<string, unknown>;
    expect(item['pricing']).toMatchObject(NUMBERS);
    expect(satsPricing).toMatchObject({
      ...NUMBERS,
      max_prompt_cost: expect.any(Number),
      max_completion_cost: expect.any(Number),
      max_cost: expect.any(Number),
    });
    expect(Object.values(satsPricing).every(Number.isFinite)).toBe(true);
    expect(item['top_provider']).toMatchObject({ context_length: item['context_length'] });
    expect(item['min_cost_per_request']).toBe(Math.ceil(Number(satsPricing['max_cost']) * 1_000));
  },
);

test('prices are per token, in the numbers that are charged', () => {
  const [item] = itemsOf([['m', { price: TEN_TWENTY, context: 1_000, maxOutput: 500 }]]);

  expect(item?.['sats_pricing']).toMatchObject({
    prompt: 0.01,
    completion: 0.02,
    max_prompt_cost: 10,
    max_completion_cost: 10,
    max_cost: 20,
  });
});

test('the range of prices is told beside the highest, and who asks them', () => {
  const sources = [nodeOf('dear', ['m'], 3), nodeOf('cheap', ['m'], 1), nodeOf('mean', ['m'], 2)];
  const [item] = itemsFrom(sources);

  expect(item).toMatchObject({
    owned_by: 'cheap,mean,dear',
    sats_pricing: { prompt: 3, completion: 3 },
    nutroute: {
      upstreams: 3,
      lowest: { prompt: 1, completion: 1, internal_reasoning: 1, web_search: 0 },
      highest: { prompt: 3, completion: 3 },
      providers: ['cheap', 'mean', 'dear'],
    },
  });
});

test('no price that is shown is below the lowest or above the highest', () => {
  const one = { satPerToken: { ...satPrices(1), input: '3', request: '5' } };
  const other = { satPerToken: { ...satPrices(1), output: '3', image: '7' } };
  const sources = [one, other].map((prices, index) => {
    const list = [listed('m', prices)];
    return { ...nodeOf(`p${index}`, []), listed: () => list };
  });
  const range = itemsFrom(sources)[0]?.['nutroute'] as Record<string, Record<string, number>>;

  expect(Object.keys(range['lowest'] ?? {})).toContain('prompt');
  for (const [name, lowest] of Object.entries(range['lowest'] ?? {})) {
    expect(range['highest']?.[name]).toBeGreaterThanOrEqual(lowest);
  }
  expect(range['highest']).toMatchObject({ prompt: 3, completion: 3, request: 5, image: 7 });
});

test('a model of very many providers names some of them', () => {
  const sources = Array.from({ length: 30 }, (_, index) => nodeOf(`p${index}`, ['m'], index + 1));
  const [item] = itemsFrom(sources);

  expect(item?.['owned_by']).toBe('p0,p1,p2,p3,p4,...');
  const named = Array.from({ length: 20 }, (_, index) => `p${index}`);
  expect(item?.['nutroute']).toMatchObject({ upstreams: 30, providers: named });
});

test('no more than 20,000 models are listed', () => {
  const [model] = createCatalog({
    sources: () => [sourceOf('a')],
    usdPmsat: () => undefined,
    clock: systemClock,
    log: silentLog,
  }).models();
  if (model === undefined) throw new Error('a model');

  const items = modelItems(Array(20_001).fill(model), { usdPmsat: undefined, startedS: 1 });

  expect(items).toHaveLength(20_000);
});

test('an entry is made anew when its model or the exchange rate changes, and only then', () => {
  let sources = [sourceOf('a'), sourceOf('b', { models: [configured('n')] })];
  const catalog = createCatalog({
    sources: () => sources,
    usdPmsat: () => undefined,
    clock: systemClock,
    log: silentLog,
  });
  const itemsAt = (usdPmsat: bigint | undefined) =>
    modelItems(catalog.models(), { usdPmsat, startedS: 1 });
  const [m, n] = itemsAt(undefined);

  sources = [sourceOf('a', { markup: '2' }), ...sources.slice(1)];
  catalog.reprice();
  const [dearer, same] = itemsAt(undefined);
  const [, inUsd] = itemsAt(PMSAT_PER_USD);

  expect([m?.id, dearer?.id]).toEqual(['m', 'm']);
  expect(dearer).not.toEqual(m);
  expect(same).toBe(n);
  expect(inUsd?.['pricing']).not.toEqual(n?.['pricing']);
});

test('what one stranger tells of a context does not make a model cost a fortune', () => {
  const contexts = [8_000, 100_000_000, 16_000];
  const strangers = contexts.map((contextLength, index) => {
    const list = [listed('m', { contextLength, maxOutput: 4_000, satPerToken: satPrices(1) })];
    return { ...nodeOf(`p${index}`, []), trust: 0.1, listed: () => list };
  });
  const own = sourceOf('own', {
    models: [configured('m', { context: 12_000, price: { unit: 'sat', input: 1, output: 1 } })],
  });

  expect(itemsFrom(strangers)[0]).toMatchObject({ context_length: 16_000 });
  expect(itemsFrom([own, ...strangers])[0]).toMatchObject({ context_length: 12_000 });
});
