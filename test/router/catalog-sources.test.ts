import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { msat } from '../../src/lib/amount.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { ListedPrices } from '../../src/openai/model-list.ts';
import { chargeOf } from '../../src/pricing/charge.ts';
import { PMSAT_PER_MSAT } from '../../src/pricing/snapshot.ts';
import type { CatalogSource } from '../../src/router/catalog-source.ts';
import { createCatalog } from '../../src/router/catalog.ts';
import type { Catalog, CatalogOptions } from '../../src/router/catalog.ts';
import type { Buying } from '../../src/upstream/upstream.ts';
import { configured, listed, listingUpstream, nodeOf, satPrices, sourceOf } from './market.ts';

function catalogOf(
  sources: () => readonly CatalogSource[],
  more: Partial<CatalogOptions> = {},
): Catalog {
  return createCatalog({
    sources,
    usdPmsat: () => undefined,
    clock: systemClock,
    log: silentLog,
    ...more,
  });
}

const providersOf = (catalog: Catalog, model: string): readonly string[] =>
  catalog.find(model).offers.map(({ provider }) => provider);

describe('nodes', () => {
  test('come and go while the router runs', () => {
    let sources = [nodeOf('a', ['m'])];
    const catalog = catalogOf(() => sources);

    sources = [...sources, nodeOf('b', ['m', 'n'])];
    catalog.reprice();
    expect(providersOf(catalog, 'm')).toEqual(['a', 'b']);

    sources = sources.slice(1);
    catalog.reprice();
    expect(providersOf(catalog, 'm')).toEqual(['b']);

    sources = [];
    catalog.reprice();
    expect(catalog.models()).toEqual([]);
    expect(() => catalog.find('n')).toThrow('not served here');
  });

  test('are not asked for a list that discovery keeps, and a new one replaces the old', async () => {
    let list = [listed('x', { satPerToken: satPrices(1) })];
    const upstream = {
      ...listingUpstream('a', () => []),
      models: () => Promise.reject(new Error('it was asked')),
    };
    const node = { ...nodeOf('a', []), upstream, listed: () => list };
    const catalog = catalogOf(() => [node]);

    list = [listed('y', { satPerToken: satPrices(1) })];
    await catalog.refresh();

    expect(catalog.models().map(({ id }) => id)).toEqual(['y']);
  });

  test('without a list offer nothing', () => {
    expect(catalogOf(() => [{ ...nodeOf('a', []), listed: () => undefined }]).models()).toEqual([]);
  });

  test('are priced in sat where they tell it, whatever they say in USD', () => {
    const told = listed('m', { satPerToken: satPrices(3), usdPerToken: satPrices(9) });
    const catalog = catalogOf(() => [{ ...nodeOf('a', []), listed: () => [told] }]);

    expect(catalog.find('m').dearest).toMatchObject({
      inputPmsat: 3_000_000_000_000_000n,
      usdPmsat: undefined,
    });
  });

  test.each<Partial<ListedPrices>>([
    { input: '-1' },
    { output: 'NaN' },
    { request: '1e30' },
    { image: '' },
  ])('that tell no price in sat are not believed in USD: %o', (fault) => {
    const prices = { satPerToken: { ...satPrices(3), ...fault }, usdPerToken: satPrices(1) };
    const catalog = catalogOf(() => [{ ...nodeOf('a', []), listed: () => [listed('m', prices)] }], {
      usdPmsat: () => 10n ** 18n,
    });

    expect(() => catalog.find('m')).toThrow('not served here');
  });

  test('offer no more than 1,000 models each', async () => {
    const ids = Array.from({ length: 1_100 }, (_, index) => `m${index}`);
    const catalog = catalogOf(() => [nodeOf('a', ids)]);

    await catalog.refresh();

    expect(catalog.models()).toHaveLength(1_000);
  });

  test('of the same id are one', () => {
    expect(
      providersOf(
        catalogOf(() => [sourceOf('a'), nodeOf('a', ['m'])]),
        'm',
      ),
    ).toEqual(['a']);
  });

  test('offer each model once, at the cheapest of the prices they list it for', () => {
    const list = [
      listed('Model-1.5', { satPerToken: satPrices(2) }),
      listed('model-1-5', { satPerToken: satPrices(1) }),
      listed('v/model-1.5', { satPerToken: satPrices(3) }),
    ];
    const { offers } = catalogOf(() => [{ ...nodeOf('a', []), listed: () => list }]).find(
      'MODEL-1.5',
    );

    expect(offers.map(({ upstreamModel }) => upstreamModel)).toEqual(['model-1-5']);
  });
});

describe('prices', () => {
  test('are made anew only for what has changed', () => {
    let sources = [sourceOf('a'), nodeOf('b', ['m']), nodeOf('c', ['m'])];
    const catalog = catalogOf(() => sources);
    const offerOf = (id: string) => catalog.find('m').offers.find((one) => one.provider === id);
    const before = [offerOf('a'), offerOf('b')];

    sources = [...sources.slice(0, 2), nodeOf('c', ['m'], 7)];
    catalog.reprice();

    expect([offerOf('a'), offerOf('b')]).toEqual(before);
    expect(offerOf('a')).toBe(before[0]);
    expect(offerOf('b')).toBe(before[1]);
    expect(offerOf('c')?.cost.inputPmsat).toBe(7_000_000_000_000_000n);
  });

  test('stay as they are when trust changes, and the offer tells the new trust', () => {
    let source = nodeOf('a', ['m']);
    const catalog = catalogOf(() => [source]);
    const [before] = catalog.find('m').offers;

    source = { ...source, trust: 0.25 };
    catalog.reprice();
    const [after] = catalog.find('m').offers;

    expect([before.trust, after.trust]).toEqual([0.5, 0.25]);
    expect(after.snapshot).toBe(before.snapshot);
  });

  test('and offers stay as they are when trust changes by very little; some is never none', () => {
    let trust = 0.31;
    const node = nodeOf('a', ['m']);
    const catalog = catalogOf(() => [{ ...node, trust }]);
    const models = catalog.models();

    trust = 0.34;
    catalog.reprice();
    expect(catalog.models()).toBe(models);

    trust = 0;
    catalog.reprice();
    expect(catalog.find('m').offers[0].trust).toBe(0);

    trust = 0.001;
    catalog.reprice();
    expect(catalog.find('m').offers[0].trust).toBe(0.05);
  });

  test('follow the exchange rate only where they are told in USD', () => {
    let usdPmsat = 10n ** 18n;
    const inUsd = listed('m', { usdPerToken: satPrices(1) });
    const sources = [{ ...nodeOf('usd', []), listed: () => [inUsd] }, nodeOf('sat', ['m'])];
    const lists = sources.map((source) => source.listed?.());
    const fixed = sources.map((source, index) => ({ ...source, listed: () => lists[index] }));
    const catalog = catalogOf(() => fixed, { usdPmsat: () => usdPmsat });
    const offerOf = (id: string) => catalog.find('m').offers.find((one) => one.provider === id);
    const before = offerOf('sat');

    usdPmsat *= 2n;
    catalog.reprice();

    expect(offerOf('sat')).toBe(before);
    expect(offerOf('usd')?.cost.inputPmsat).toBe(usdPmsat);
  });

  test('hold what it costs to buy an answer, which is not marked up and no part of the cost', () => {
    let overhead = 500n;
    const buying: Buying = {
      affordable: () => msat(1_000_000n),
      why: () => 'no funds',
      overhead: () => msat(overhead),
    };
    const node = { ...nodeOf('a', ['m'], 1), markup: '1.1' };
    const source = { ...node, upstream: { ...node.upstream, buying } };
    const catalog = catalogOf(() => [source]);
    const usage = { input: 10, cachedInput: 0, output: 0, reasoning: 0, images: 0 };

    const [before] = catalog.find('m').offers;
    overhead = 900n;
    catalog.reprice();
    const [after] = catalog.find('m').offers;

    expect(chargeOf(before.cost, usage)).toBe(10_000n);
    expect(chargeOf(before.snapshot, usage)).toBe(11_000n + 500n);
    expect(chargeOf(after.snapshot, usage)).toBe(11_000n + 900n);
  });

  test('follow what purchases are found to cost by themselves, in steps of two digits', async () => {
    let overhead = 500n;
    const buying: Buying = {
      affordable: () => msat(1_000_000n),
      why: () => 'no funds',
      overhead: () => msat(overhead),
    };
    const node = nodeOf('a', ['m'], 1);
    const bought = { ...node, upstream: { ...node.upstream, buying } };
    const catalog = catalogOf(() => [bought], { watchMs: 5 });
    const priced = () => catalog.find('m').offers[0].snapshot.purchasePmsat / PMSAT_PER_MSAT;
    await catalog.start();
    const before = catalog.models();

    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(catalog.models()).toBe(before);
    overhead = 1_234n;
    await expect.poll(priced).toBe(1_300n);
    const after = catalog.models();
    overhead = 1_299n;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(catalog.models()).toBe(after);
    catalog.stop();
  });

  test('of the candidates of a request are one object as long as they are the same', () => {
    const catalog = catalogOf(() => [nodeOf('a', ['m'], 1), nodeOf('b', ['m'], 2), sourceOf('c')]);
    const model = catalog.find('m');
    const [c, a, b] = model.offers;
    if (a === undefined || b === undefined) throw new Error('three offers');

    const dearest = catalog.dearest(model, [a, b]);

    expect(catalog.dearest(model, [b, a])).toBe(dearest);
    expect(catalog.dearest(model, [a, b, c])).toBe(dearest);
    expect(catalog.dearest(model, [a, c])).not.toBe(dearest);
    expect(dearest.inputPmsat).toBe(b.snapshot.inputPmsat);
    expect(catalog.dearest(model, [c])).toBe(c.snapshot);
  });

  test('of very many models are made while the event loop turns, and seen all at once', async () => {
    const ids = Array.from({ length: 900 }, (_, index) => `m${index}`);
    let sources: CatalogSource[] = [];
    const catalog = catalogOf(() => sources);
    const sizes = new Set<number>();

    sources = ['a', 'b', 'c'].map((id) => nodeOf(id, ids));
    catalog.reprice();
    for (let turn = 0; catalog.models().length === 0 && turn < 1_000; turn += 1) {
      sizes.add(catalog.models().length);
      await new Promise(setImmediate);
    }
    await catalog.refresh();

    expect([...sizes]).toEqual([0]);
    expect(catalog.models()).toHaveLength(900);
    expect(catalog.models().every(({ offers }) => offers.length === 3)).toBe(true);
  });

  test('are left as they are when the router stops in between', async () => {
    const ids = Array.from({ length: 900 }, (_, index) => `m${index}`);
    const catalog = catalogOf(() => [nodeOf('a', ids)]);

    const refreshed = catalog.refresh();
    catalog.stop();
    await refreshed;

    expect(catalog.models()).toEqual([]);
  });
});

describe('spellings', () => {
  test('of several providers are one model, and each is sent its own', () => {
    const sources = [
      sourceOf('own', { models: [configured('claude-3.5', { upstreamId: 'local' })] }),
      nodeOf('a', ['anthropic/claude-3.5'], 1),
      nodeOf('b', ['Claude-3-5'], 2),
    ];
    const catalog = catalogOf(() => sources);

    const model = catalog.find('anthropic/claude-3-5');

    expect(model.id).toBe('claude-3.5');
    expect(model.dearest.model).toBe('claude-3.5');
    expect(catalog.models()).toEqual([model]);
    expect(model.offers.map(({ upstreamModel }) => upstreamModel)).toEqual([
      'local',
      'anthropic/claude-3.5',
      'Claude-3-5',
    ]);
  });

  test('that a stranger lists under a vendor of its own take nothing from the others', () => {
    const honest = [nodeOf('a', ['meta/m']), nodeOf('b', ['m'])];
    const squatter = { ...nodeOf('z', ['evil/m']), trust: 0.4 };

    const catalog = catalogOf(() => [squatter, ...honest]);

    expect(providersOf(catalog, 'm')).toEqual(['a', 'b']);
    expect(providersOf(catalog, 'meta/m')).toEqual(['a', 'b']);
    expect(providersOf(catalog, 'evil/m')).toEqual(['z']);
  });

  test('make no difference to the name that a request is priced under', () => {
    const sources = [nodeOf('a', ['m'], 1), nodeOf('b', ['m'], 1), nodeOf('c', ['v/M'], 2)];
    const catalog = catalogOf(() => sources);
    const model = catalog.find('v/m');
    const last = model.offers.slice(2);

    const dearest = catalog.dearest(model, last);

    expect(dearest).toMatchObject({ model: 'm', provider: 'c' });
    expect(catalog.dearest(model, last)).toBe(dearest);
  });

  test('that are mapped follow the mappings, as soon as they change', () => {
    let mappings = new Map<string, string>();
    const catalog = catalogOf(() => [nodeOf('a', ['odd']), nodeOf('b', ['gpt-x'])], {
      aliases: () => mappings,
    });
    expect(catalog.models()).toHaveLength(2);

    mappings = new Map([['odd', 'gpt-x']]);
    catalog.reprice();

    expect(catalog.models().map(({ id }) => id)).toEqual(['gpt-x']);
    expect(providersOf(catalog, 'odd')).toEqual(['a', 'b']);
    expect(catalog.find('odd').offers[0].upstreamModel).toBe('odd');
  });

  test('of a configured model are not mapped away', () => {
    const catalog = catalogOf(() => [sourceOf('a')], { aliases: () => new Map([['m', 'other']]) });

    expect(catalog.find('m').id).toBe('m');
  });

  test('of a model that waits for an exchange rate are known', () => {
    const inUsd = listed('v/M.1', { usdPerToken: satPrices(1) });
    const catalog = catalogOf(() => [{ ...nodeOf('a', []), listed: () => [inUsd] }]);

    expect(() => catalog.find('m-1')).toThrow('exchange rate');
    expect(() => catalog.find('m-2')).toThrow('not served here');
  });
});

test('after any changes the catalog is what it would be if it had been made of the last state', async () => {
  const model = fc.tuple(
    fc.constantFrom('m', 'M', 'a/m', 'b/m', 'n.1', 'n-1', 'a/n-1', 'm:free'),
    fc.integer({ min: 1, max: 3 }),
  );
  const source = fc
    .record({
      id: fc.constantFrom('p', 'q', 'r'),
      isOwn: fc.boolean(),
      models: fc.uniqueArray(model, { maxLength: 4, selector: ([id]) => id }),
    })
    .map(({ id, isOwn, models }) =>
      isOwn
        ? sourceOf(id, {
            models: models.map(([name, price]) =>
              configured(name, { price: { unit: 'sat', input: price, output: price } }),
            ),
          })
        : {
            ...nodeOf(id, []),
            listed: (
              (list) => () =>
                list
            )(models.map(([name, price]) => listed(name, { satPerToken: satPrices(price) }))),
          },
    );
  const state = fc.record({
    sources: fc.uniqueArray(source, { maxLength: 3, selector: ({ id }) => id }),
    mappings: fc.constantFrom(new Map<string, string>(), new Map([['b/m', 'a/m']])),
  });
  const shown = (catalog: Catalog) =>
    catalog
      .models()
      .map(({ id, name, offers, dearest }) => ({
        id,
        name,
        dearest,
        offers: offers.map(({ provider, upstreamModel, snapshot }) => ({
          provider,
          upstreamModel,
          snapshot,
        })),
      }))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1));

  fc.assert(
    fc.property(fc.array(state, { minLength: 1, maxLength: 5 }), (states) => {
      let now = states[0];
      const parts = { aliases: () => now?.mappings ?? new Map<string, string>() };
      const catalog = catalogOf(() => now?.sources ?? [], parts);
      for (const next of states) {
        now = next;
        catalog.reprice();
      }

      expect(shown(catalog)).toEqual(shown(catalogOf(() => now?.sources ?? [], parts)));
      for (const served of catalog.models()) expect(catalog.find(served.id)).toBe(served);
    }),
  );
});
