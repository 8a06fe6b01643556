import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { systemClock } from '../../src/lib/clock.ts';
import { RouterError } from '../../src/lib/errors.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { CatalogSource } from '../../src/router/catalog-source.ts';
import { createCatalog } from '../../src/router/catalog.ts';
import { readOrder } from '../../src/router/order.ts';
import type { Order } from '../../src/router/order.ts';
import { countWords, firstOfEquals } from '../router/fakes.ts';
import { configured, nodeOf, sourceOf } from '../router/market.ts';

const OPEN: readonly CatalogSource[] = [sourceOf('own'), nodeOf('node.example.com', ['m'], 0.01)];
const BLOCKED: CatalogSource = { ...nodeOf('blocked.example.com', ['m'], 0.001), trust: 0 };

function order(
  body: object,
  headers: Record<string, string> = {},
  sources: readonly CatalogSource[] = [...OPEN, BLOCKED],
): Order {
  const catalog = createCatalog({
    sources: () => sources,
    clock: systemClock,
    log: silentLog,
    usdPmsat: () => 10n ** 20n,
  });
  const messages = [{ role: 'user', content: 'Hi' }];
  return readOrder(
    { catalog, routing: firstOfEquals(), countTokens: countWords, floorOutputTokens: 16 },
    {
      body: Buffer.from(JSON.stringify({ model: 'm', messages, max_tokens: 100, ...body })),
      hops: 0,
      credentials: { headers, rawHeaders: [], address: '127.0.0.1', requestId: 'r' },
    },
  );
}

/** The providers that may be asked, or the code of the refusal. */
function outcome(body: object, headers: Record<string, string> = {}): readonly string[] | string {
  try {
    return order(body, headers).offers.map(({ provider }) => provider);
  } catch (error) {
    if (error instanceof RouterError) return error.code;
    throw error;
  }
}

describe('what a payer says about who may answer', () => {
  test.each([
    'http://169.254.169.254/latest/meta-data',
    'http://127.0.0.1:8402/v1',
    'http://[::1]/',
    'file:///etc/passwd',
    'https://blocked.example.com/v1',
    'https://user:pass@node.example.com.evil.example/v1',
  ])('a model path names a known provider or nobody: %s is not dialled', (url) => {
    const path = new URLSearchParams({ url, 'model-id': 'm' });
    const found = outcome({}, { 'x-routstr-model-path': String(path) });
    expect(['invalid_request', 'no_matching_provider', 'no_upstream']).toContain(found);
  });

  test('nobody who is blocked is asked, by whatever words', () => {
    const name = BLOCKED.id;
    for (const provider of [{ only: [name] }, { order: [name] }, { only: [name], order: [name] }]) {
      expect(outcome({ provider })).not.toContain(name);
      expect(outcome({ provider: { ...provider, sort: 'price' } })).not.toContain(name);
    }
    expect(outcome({}, { 'x-nutroute-provider': name })).toBe('no_upstream');
  });

  test('no words, however odd, do more than choose among those who may be asked', () => {
    const odd = fc.oneof(
      fc.constantFrom('__proto__', 'constructor', 'toString', 'own', BLOCKED.id, '', '~', '*'),
      fc.constantFrom(NaN, -1, 1e308, '1e-99', '-0', null, true),
      fc.array(fc.constantFrom('__proto__', 'own', 'm', 'node.example.com'), { maxLength: 40 }),
      fc.jsonValue({ maxDepth: 2 }),
    );
    const fields = ['order', 'only', 'ignore', 'sort', 'max_price', 'allow_fallbacks', '__proto__'];
    const provider = fc.dictionary(fc.constantFrom(...fields), odd, { maxKeys: 4 });
    const body = fc.record({ provider, models: odd, route: odd }, { requiredKeys: [] });
    const known = OPEN.map(({ id }) => id);
    fc.assert(
      fc.property(body, (said) => {
        const found = outcome(said);
        if (typeof found === 'string') expect(found).toMatch(/^(?:invalid|unsupported|no_)/);
        else expect(known).toEqual(expect.arrayContaining([...found]));
      }),
      { numRuns: 300 },
    );
  });

  test('ten thousand names are refused before anything is looked for', () => {
    const names = Array.from({ length: 10_000 }, (_, at) => `node-${at}.example.com`);
    expect(outcome({ provider: { only: names } })).toBe('invalid_request');
    expect(outcome({ models: names })).toBe('invalid_request');
  });

  test.each([{ prompt: 1e308 }, { prompt: '1e-40' }, { request: 0 }, { completion: '00.10' }])(
    'an odd limit (%j) is a limit, or refused',
    (max_price) => {
      const found = outcome({ provider: { max_price } });
      expect(typeof found === 'string' || found.length > 0).toBe(true);
    },
  );

  test('a hold covers whoever of several models may answer', () => {
    const dear = sourceOf('dear', {
      models: [configured('dear-model', { price: { unit: 'sat', input: '90000', output: '1' } })],
    });
    const both = order({ models: ['dear-model'] }, {}, [...OPEN, dear]);
    for (const { snapshot } of both.offers) {
      expect(both.quote.snapshot.inputPmsat).toBeGreaterThanOrEqual(snapshot.inputPmsat);
      expect(both.quote.snapshot.outputPmsat).toBeGreaterThanOrEqual(snapshot.outputPmsat);
    }
    expect(both.offers.map(({ provider }) => provider)).toContain('dear');
  });
});

test('one domain with any number of free strangers does not take all the tries', () => {
  const crowd = Array.from({ length: 30 }, (_, at) => {
    const id = at % 2 === 0 ? `evil.example.com/${at}` : `evil.example.com~${at}`;
    return { ...nodeOf(id, ['m'], 0), trust: 0.1 };
  });
  const honest = { ...nodeOf('node.example.com', ['m'], 0.01), trust: 0.1 };
  const other = { ...nodeOf('other.example.com', ['m'], 0.01), trust: 0.1 };
  const { offers } = order({}, {}, [...crowd, honest, other]);
  const providers = offers.map(({ provider }) => provider);
  expect(providers.filter((provider) => provider.startsWith('evil'))).toHaveLength(2);
  expect(providers).toEqual(expect.arrayContaining([honest.id, other.id]));
});
