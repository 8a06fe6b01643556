import { expect, test } from 'vitest';

import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createCatalog } from '../../src/router/catalog.ts';
import { modelItems } from '../../src/router/model-items.ts';
import { configured, sourceOf, TEN_TWENTY } from './market.ts';

const PMSAT_PER_USD = 1_000_000_000_000_000_000n;

function itemsOf(models: readonly Parameters<typeof configured>[], usdPmsat?: bigint) {
  const sources = [sourceOf('a', { models: models.map(([id, more]) => configured(id, more)) })];
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
