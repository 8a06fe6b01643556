import { get_encoding } from 'tiktoken';
import { expect, test } from 'vitest';

import { createPromptCounter } from '../../src/demo/model/prompt-counter.ts';

test('a short text is counted exactly, a long one a few percent too high at most', async () => {
  const counter = createPromptCounter();
  const encoding = get_encoding('o200k_base');
  const short = 'Count the words, pay for the words, and keep the rest. ';
  const long = short.repeat(500);

  expect(await counter.count(short)).toBe(encoding.encode(short).length);
  const exact = encoding.encode(long).length;
  const counted = await counter.count(long);
  expect(counted).toBeGreaterThanOrEqual(exact);
  expect(counted).toBeLessThan(exact * 1.05);
  await counter.close();
});
