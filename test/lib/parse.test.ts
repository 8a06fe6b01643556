import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { Fault, Parser } from '../../src/lib/parse.ts';
import {
  boolean,
  decimal,
  integer,
  list,
  oneOf,
  optional,
  record,
  rootField,
  text,
  withDefault,
} from '../../src/lib/parse.ts';

function parse<T>(parser: Parser<T>, value: unknown): { result: T; faults: Fault[] } {
  const faults: Fault[] = [];
  return { result: parser(rootField(value, 'here', faults)), faults };
}

describe('parse', () => {
  test('reports every fault of a document, each with its path', () => {
    const faults: Fault[] = [];
    const at = record(rootField({ list: [1, 'x', 3.5], typo: 1 }, '', faults), ['list', 'name']);
    list(integer(0, 10), 0, 5)(at('list'));
    text(5)(at('name'));

    expect(faults).toEqual([
      { path: 'typo', message: 'is not a known key; known here: list, name' },
      { path: 'list[1]', message: 'must be a whole number from 0 to 10' },
      { path: 'list[2]', message: 'must be a whole number from 0 to 10' },
      { path: 'name', message: 'is missing' },
    ]);
  });

  test.each([
    ['text', text(3), ['a', 'abc'], ['', 'abcd', 1, null, 'a\nb', 'a\u0000']],
    ['integer', integer(1, 9), [1, 9], [0, 10, 1.5, '5', Number.NaN, null]],
    ['boolean', boolean, [true, false], ['true', 0, null]],
    ['oneOf', oneOf(['a', 'b']), ['a', 'b'], ['c', 'A', 1, null]],
    ['list', list(boolean, 1, 2), [[true], [true, false]], [[], [true, true, true], {}, 'x']],
    ['decimal', decimal(100, false), [0, 0.1, 100], [-0.1, 100.5, '1', Number.NaN, Infinity]],
    ['positive decimal', decimal(100, true), [0.001, 100], [0, -1]],
  ] as [string, Parser<unknown>, unknown[], unknown[]][])(
    '%s accepts what it promises and nothing else',
    (_name, parser, good, bad) => {
      for (const value of good) expect(parse(parser, value).faults).toEqual([]);
      for (const value of bad) expect(parse(parser, value).faults).toHaveLength(1);
    },
  );

  test('an absent field is undefined or its default, and never a fault', () => {
    expect(parse((field) => optional(field, boolean), undefined)).toEqual({
      result: undefined,
      faults: [],
    });
    expect(parse((field) => withDefault(field, integer(0, 1), 7), undefined).result).toBe(7);
  });

  test('a record refuses what is no object', () => {
    for (const value of [null, [], 'x', 1]) {
      const { faults } = parse((field) => record(field, ['a']), value);
      expect(faults).toEqual([{ path: 'here', message: 'must be an object' }]);
    }
  });

  test.each([
    [0.1, '0.1'],
    [1, '1'],
    [1e-7, '0.0000001'],
    [1.25e-9, '0.00000000125'],
    [1e21, '1000000000000000000000'],
    [1.5e22, '15000000000000000000000'],
    [0, '0'],
  ])('the decimal %s is kept as %s', (value, expected) => {
    expect(parse(decimal(1e30, false), value)).toEqual({ result: expected, faults: [] });
  });

  test('a decimal text always means the number it came from', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 10 ** 12 }),
        fc.integer({ min: -20, max: 15 }),
        (n, e) => {
          const value = Number(`${n}e${e}`);
          const { result, faults } = parse(decimal(1e30, false), value);
          expect(faults).toEqual([]);
          expect(result).toMatch(/^\d+(\.\d+)?$/);
          expect(Number(result)).toBe(value);
        },
      ),
    );
  });

  test('a number that JSON cannot carry exactly is refused', () => {
    expect(parse(decimal(1, false), 1 / 3).faults).toEqual([
      { path: 'here', message: 'must have at most 15 digits' },
    ]);
  });
});
