import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { expect, test } from 'vitest';

import { cleanText } from '../../../src/discovery/registry/clean-text.ts';

function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

test('what is kept of a long text does not keep the long one in memory', () => {
  const before = heapAfterCollection();
  const kept = Array.from({ length: 2_000 }, (_, at) =>
    cleanText(JSON.parse(`"${at}${'x'.repeat(16_000)}"`) as string, 80),
  );
  expect((heapAfterCollection() - before) / kept.length).toBeLessThan(2_000);
  expect(kept.every((text) => text.length === 80)).toBe(true);
});
