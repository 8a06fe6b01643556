import { describe, expect, test } from 'vitest';

import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createCatalog } from '../../src/router/catalog.ts';
import type { CatalogOptions } from '../../src/router/catalog.ts';
import { UpstreamFailure } from '../../src/upstream/upstream.ts';
import { codeOf } from '../support/refusals.ts';
import { configured, listed, listingUpstream, sourceOf, TEN_TWENTY } from './market.ts';

const USD = { unit: 'usd', input: '1', output: '2' } as const;
const PMSAT_PER_USD = 1_000_000_000_000_000_000n;

function catalogOf(options: Partial<CatalogOptions>) {
  return createCatalog({
    sources: () => [sourceOf('a')],
    usdPmsat: () => undefined,
    clock: systemClock,
    log: silentLog,
    ...options,
  });
}

describe('catalog', () => {
  test('a configured model is served at its price, before any upstream was asked', () => {
    const { offers } = catalogOf({}).find('m');

    expect(offers).toHaveLength(1);
    expect(offers[0]).toMatchObject({
      provider: 'a',
      upstreamModel: 'm',
      snapshot: { inputPmsat: 10_000_000_000_000n, outputPmsat: 20_000_000_000_000n },
    });
  });

  test('an unknown model is 404, however long its name', () => {
    const catalog = catalogOf({});

    expect(codeOf(() => catalog.find('x'))).toBe('404 model_not_found');
    expect(() => catalog.find('x'.repeat(1e6))).toThrow(/^The model "x{100}\.\.\." is not/);
    expect(codeOf(() => catalog.find('__proto__'))).toBe('404 model_not_found');
  });

  test('a model priced in USD waits for a rate, and follows it', () => {
    let rate: bigint | undefined;
    const source = sourceOf('a', { models: [configured('m', { price: USD })] });
    const catalog = catalogOf({ sources: () => [source], usdPmsat: () => rate });

    expect(codeOf(() => catalog.find('m'))).toBe('503 pricing_unavailable');
    expect(catalog.models()).toEqual([]);

    rate = PMSAT_PER_USD;
    catalog.reprice();
    expect(catalog.find('m').dearest.inputPmsat).toBe(PMSAT_PER_USD / 1_000_000n);

    rate = 2n * PMSAT_PER_USD;
    catalog.reprice();
    expect(catalog.find('m').dearest.inputPmsat).toBe((2n * PMSAT_PER_USD) / 1_000_000n);
  });

  test('a model priced in sat needs no rate beside one that waits for it', () => {
    const sources = [
      sourceOf('a', { models: [configured('m', { price: USD })] }),
      sourceOf('b', { models: [configured('m')] }),
    ];

    expect(catalogOf({ sources: () => sources }).find('m').offers).toMatchObject([
      { provider: 'b' },
    ]);
  });

  test('a model without a known price is not served, and the log says so once', async () => {
    const warned: object[] = [];
    const source = sourceOf('a', {
      models: [configured('m', { price: undefined }), configured('n')],
    });
    const log = { ...silentLog, warn: (fields: object) => void warned.push(fields) };
    const catalog = catalogOf({ sources: () => [source], log });

    await catalog.refresh();
    await catalog.refresh();

    expect(codeOf(() => catalog.find('m'))).toBe('404 model_not_found');
    expect(catalog.models().map(({ id }) => id)).toEqual(['n']);
    expect(warned).toEqual([{ model: 'a/m' }]);
  });

  test('the own list of an upstream gives models, prices and limits', async () => {
    const usdPerToken = {
      input: '0.000001',
      output: '0.000002',
      cachedInput: undefined,
      reasoning: undefined,
      image: undefined,
      request: undefined,
    };
    const upstream = listingUpstream('a', () => [
      listed('org/x', { name: 'X', contextLength: 8_000, maxOutput: 2_000, usdPerToken }),
    ]);
    const source = sourceOf('a', { models: '*', upstream });
    const catalog = catalogOf({ sources: () => [source], usdPmsat: () => PMSAT_PER_USD });

    await catalog.refresh();

    const served = catalog.find('org/x');
    expect(served.name).toBe('X');
    expect(served.offers[0]).toMatchObject({ contextLength: 8_000, maxOutput: 2_000 });
    expect(served.dearest.outputPmsat).toBe(2_000_000_000_000n);
  });

  test('the default price of a provider serves what its list does not price', async () => {
    const upstream = listingUpstream('a', () => [listed('x')]);
    const source = sourceOf('a', { models: '*', upstream, price: TEN_TWENTY });
    const catalog = catalogOf({ sources: () => [source] });

    await catalog.refresh();

    expect(catalog.find('x').dearest.inputPmsat).toBe(10_000_000_000_000n);
  });

  test('an upstream that does not answer keeps its last list', async () => {
    let isDown = false;
    const upstream = listingUpstream('a', () => {
      if (isDown) throw new UpstreamFailure('unreachable', 'down');
      return [listed('x')];
    });
    const source = sourceOf('a', { models: '*', upstream, price: TEN_TWENTY });
    const catalog = catalogOf({ sources: () => [source] });

    await catalog.refresh();
    isDown = true;
    await catalog.refresh();

    expect(catalog.find('x').offers).toHaveLength(1);
  });

  test('a model keeps one object for its dearest price until something changes', () => {
    const catalog = catalogOf({});

    expect(catalog.find('m').dearest).toBe(catalog.find('m').dearest);
  });

  test('an unknown limit of a model is assumed low, so that its provider accepts it', () => {
    const models = [
      configured('nothing'),
      configured('small', { context: 2_000 }),
      configured('large', { context: 128_000 }),
      configured('told', { context: 128_000, maxOutput: 64_000 }),
    ];
    const catalog = catalogOf({ sources: () => [sourceOf('a', { models })] });
    const limits = catalog
      .models()
      .map(({ id, offers: [offer] }) => [id, offer.maxOutput ?? offer.assumedMaxOutput]);

    expect(Object.fromEntries(limits)).toEqual({
      nothing: 4_096,
      small: 1_000,
      large: 16_384,
      told: 64_000,
    });
  });

  test('the hold covers the dearest of all offers, price by price', () => {
    const sources = [
      sourceOf('a', { models: [configured('m', { price: { ...TEN_TWENTY, input: '30000' } })] }),
      sourceOf('b', { models: [configured('m', { price: { ...TEN_TWENTY, output: '50000' } })] }),
    ];

    expect(catalogOf({ sources: () => sources }).find('m').dearest).toMatchObject({
      inputPmsat: 30_000_000_000_000n,
      outputPmsat: 50_000_000_000_000n,
    });
  });
});
