import { expect, test } from 'vitest';

import { createModelShelf } from '../../../src/discovery/watch/model-shelf.ts';
import type { ModelList } from '../../../src/discovery/watch/model-shelf.ts';
import { readModels } from '../../../src/openai/model-list.ts';

function list(length: number): ModelList {
  const models = readModels(Array.from({ length }, (_, index) => ({ id: `m${index}` })));
  return { models, etag: undefined, atMs: 1 };
}

test('Beyond so many lists, the one that was read longest ago goes', () => {
  const shelf = createModelShelf({ lists: 2, models: 100 });
  expect(shelf.put('a', list(1))).toEqual([]);
  expect(shelf.put('b', list(1))).toEqual([]);
  expect(shelf.put('a', list(1))).toEqual([]);
  expect(shelf.put('c', list(1))).toEqual(['b']);
  expect(['a', 'b', 'c'].map((url) => shelf.get(url) !== undefined)).toEqual([true, false, true]);
});

test('Beyond so many models, the longest lists go, the new one first if it is that', () => {
  const shelf = createModelShelf({ lists: 10, models: 100 });
  shelf.put('honest', list(40));
  shelf.put('large', list(50));
  expect(shelf.put('small', list(20))).toEqual(['large']);
  expect(shelf.put('huge', list(101))).toEqual(['huge']);
  expect(shelf.put('large', list(40))).toEqual([]);
  expect(shelf.get('honest')?.models).toHaveLength(40);
});

test('A list that is replaced counts once', () => {
  const shelf = createModelShelf({ lists: 10, models: 100 });
  for (let round = 0; round < 10; round += 1) expect(shelf.put('a', list(60))).toEqual([]);
});
