import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { familyOf, memberOf, modelName } from '../../src/router/aliases.ts';
import type { Named } from '../../src/router/aliases.ts';

const NONE = new Map<string, string>();

function named(id: string, provider: string, more: { mappings?: Map<string, string> } = {}): Named {
  const name = modelName(id, more.mappings ?? NONE);
  return { name, provider, isConfigured: false, isTrusted: false };
}

const trusted = (id: string, provider: string): Named => ({
  ...named(id, provider),
  isTrusted: true,
});
const own = (id: string): Named => ({ ...trusted(id, 'own'), isConfigured: true });

/** The models of a family, by id, with the written ids of their offers. */
function models(all: readonly Named[]): Record<string, string[]> {
  const spellings = familyOf(all).models;
  return Object.fromEntries(spellings.map((one) => [one.id, one.all.map(({ name }) => name.id)]));
}

const found = (all: readonly Named[], asked: string, mappings = NONE): string | undefined =>
  memberOf(familyOf(all), modelName(asked, mappings))?.id;

const baseOf = (id: string): string => modelName(id, NONE).base;

describe('the name of a model', () => {
  test.each([
    ['GPT-4o', 'gpt-4o'],
    ['openai/gpt-4o', 'gpt-4o'],
    ['claude-3.5', 'claude-3-5'],
    ['accounts/fireworks/models/x', 'x'],
  ])('%s has the base name %s', (id, base) => {
    expect(baseOf(id)).toBe(base);
  });

  test.each([
    ['m', 'm:free'],
    ['m', 'm-2024-08-06'],
    ['llama-8b', 'llama-70b'],
    ['gpt-4.1', 'gpt-41'],
    ['m_1', 'm-1'],
  ])('%s and %s are not the same', (a, b) => {
    expect(baseOf(a)).not.toBe(baseOf(b));
  });
});

describe('a family of spellings', () => {
  test('is one model under the name of the most providers', () => {
    const all = [named('Gpt-4.5', 'a'), named('openai/gpt-4.5', 'b'), named('openai/gpt-4.5', 'c')];

    expect(Object.keys(models(all))).toEqual(['openai/gpt-4.5']);
    expect(models(all)['openai/gpt-4.5']).toHaveLength(3);
  });

  test('counts a provider once, whatever number of spellings it lists', () => {
    const all = [named('GPT', 'a'), named('GPT', 'a'), named('gpt', 'b'), named('gpt', 'c')];

    expect(Object.keys(models(all))).toEqual(['gpt']);
  });

  test('of equally common names has the shortest, then the first by its letters', () => {
    expect(Object.keys(models([named('v/m', 'a'), named('m', 'b')]))).toEqual(['m']);
    expect(Object.keys(models([named('m-1', 'a'), named('m.1', 'b')]))).toEqual(['m-1']);
  });

  test('has the name that the operator gave, however rare', () => {
    const all = [named('m', 'a'), named('m', 'b'), own('V/M')];

    expect(models(all)).toEqual({ 'V/M': ['m', 'm', 'V/M'] });
  });

  test('keeps apart what the operator named apart', () => {
    const all = [own('m.1'), own('m-1'), named('m-1', 'a'), named('M-1', 'b')];

    expect(models(all)).toEqual({ 'm.1': ['m.1'], 'm-1': ['m-1', 'm-1'], 'M-1': ['M-1'] });
    expect(found(all, 'm.1')).toBe('m.1');
    expect(found(all, 'v/m.1')).toBeUndefined();
  });

  test('of two vendors is two models, and nobody knows whose the one without is', () => {
    const all = [named('a/m', 'x'), named('b/m', 'y'), named('m', 'z')];

    expect(models(all)).toEqual({ 'a/m': ['a/m'], 'b/m': ['b/m'], m: ['m'] });
    expect(found(all, 'A/M')).toBe('a/m');
    expect(found(all.slice(0, 2), 'm')).toBeUndefined();
  });

  test('keeps its short name and its offers, whatever vendors strangers invent', () => {
    const honest = [trusted('meta/m', 'x'), trusted('m', 'y'), named('Meta/m', 'z')];
    const squatters = ['a/m', 'b/m', 'b/m'].map((id, index) => named(id, `s${index}`));
    const all = [...squatters, ...honest];

    expect(models(all)).toEqual({
      m: ['meta/m', 'm', 'Meta/m'],
      'a/m': ['a/m'],
      'b/m': ['b/m', 'b/m'],
    });
    expect(found(all, 'M')).toBe('m');
    expect(found(all, 'meta/M')).toBe('m');
    expect(found(all, 'A/m')).toBe('a/m');
    expect(found(all, 'c/m')).toBeUndefined();
  });

  test('is named as those call it that are no strangers, however many these are', () => {
    const strangers = ['x', 'y', 'z'].map((provider) => named('GPT-4o', provider));

    expect(Object.keys(models([...strangers, trusted('gpt-4o', 'a')]))).toEqual(['gpt-4o']);
  });

  test('of two vendors is joined by a mapping', () => {
    const mappings = new Map([['b/m', 'a/m']]);
    const all = [named('a/m', 'x'), named('b/m', 'y', { mappings }), named('m', 'z')];

    expect(models(all)).toEqual({ 'a/m': ['a/m', 'a/m', 'm'] });
    expect(found(all, 'b/m', mappings)).toBe('a/m');
  });

  test('has the mapped name where there is one, before more common ones', () => {
    const mappings = new Map([['odd-name', 'v/m']]);
    const all = [named('m', 'x'), named('m', 'y'), named('odd-name', 'z', { mappings })];

    expect(Object.keys(models(all))).toEqual(['v/m']);
  });

  test('is not found under the name of another vendor', () => {
    expect(found([named('a/m', 'x'), named('m', 'y')], 'b/m')).toBeUndefined();
    expect(found([named('m', 'y')], 'b/m')).toBe('m');
  });

  const spelling = fc
    .tuple(fc.constantFrom('', 'a/', 'b/', 'B/'), fc.constantFrom('m-1', 'm.1', 'M-1', 'M.1'))
    .map((parts) => parts.join(''));
  const offers = fc.array(
    fc.record({
      name: spelling.map((id) => modelName(id, NONE)),
      provider: fc.constantFrom('x', 'y', 'z'),
      isConfigured: fc.boolean(),
      isTrusted: fc.boolean(),
    }),
    { minLength: 1, maxLength: 8 },
  );

  test('holds every offer once, and each is found by its own spelling', () => {
    fc.assert(
      fc.property(offers, (all) => {
        const family = familyOf(all);

        expect(family.models.flatMap((one) => one.all)).toHaveLength(all.length);
        expect(new Set(family.models.map(({ id }) => id)).size).toBe(family.models.length);
        for (const offer of all) expect(memberOf(family, offer.name)?.all).toContain(offer);
      }),
    );
  });

  test('never joins two vendors, nor two names that the operator gave', () => {
    fc.assert(
      fc.property(offers, (all) => {
        for (const one of familyOf(all).models) {
          const vendors = new Set(one.all.map(({ name }) => name.vendor));
          vendors.delete('');
          expect(vendors.size).toBeLessThanOrEqual(1);
          const given = one.all.filter(({ isConfigured }) => isConfigured);
          expect(given.every(({ name }) => name.id === one.id)).toBe(true);
        }
      }),
    );
  });

  test('is the same whatever the order in which offers came', () => {
    const shuffled = offers.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
    );
    const sorted = (all: readonly Named[]) =>
      Object.entries(models(all))
        .map(([id, ids]) => `${id}: ${ids.toSorted().join(' ')}`)
        .toSorted();
    fc.assert(
      fc.property(shuffled, ([all, other]) => {
        expect(sorted(other)).toEqual(sorted(all));
      }),
    );
  });
});
