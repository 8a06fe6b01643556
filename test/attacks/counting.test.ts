import { expect, test } from 'vitest';

import { createTokenCounter } from '../../src/tokens/counter.ts';

test('P15: whoever does not pay cannot keep the answers of those who do from being counted', async () => {
  const counter = createTokenCounter({ maxJobs: 8, maxQueuedBytes: 100_000 });
  try {
    const prompts = Array.from({ length: 50 }, async () =>
      counter.count([' word'.repeat(1_000)], 'o200k_base', 'quote'),
    );

    expect(await counter.count([' word'.repeat(100)])).toBeLessThan(110);

    const counts = await Promise.all(prompts);
    expect(counts.filter((tokens) => tokens < 1_100).length).toBeGreaterThan(0);
  } finally {
    await counter.close();
  }
});
