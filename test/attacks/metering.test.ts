import { expect, test } from 'vitest';

import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { PMSAT_PER_MSAT } from '../../src/pricing/snapshot.ts';
import { createCatalog } from '../../src/router/catalog.ts';
import { delta, DONE, finish, railWith, scripted, send, usage } from '../router/fakes.ts';
import { configured, sourceOf } from '../router/market.ts';

const RICH = 10_000_000n;
const STREAM = { stream: true };

test.each([
  ['max_tokens', { max_tokens: 10 }],
  ['max_completion_tokens', { max_completion_tokens: 10 }],
  ['the limit of its model', {}],
])('P4: an upstream that ignores %s is cut, however rich the payer is', async (_, limit) => {
  const upstream = scripted(async ({ push }) => {
    for (;;) {
      await push(delta(' word'.repeat(50)));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  });
  const models = [configured('m', { maxOutput: 200 })];

  const { report } = send([{ upstream, models }], railWith(RICH), { ...STREAM, ...limit });

  expect((await report).error?.code).toBe('output_limit_reached');
});

test('P4: an answer of which our tokenizer makes a few tokens more than its limit is not cut', async () => {
  const upstream = scripted(async ({ push }) => {
    await push(delta('one two three four five'));
    await new Promise((resolve) => setTimeout(resolve, 60));
    await push(delta(' six') + finish('length') + usage(9, 3) + DONE);
  });

  const { report } = send([upstream], railWith(RICH), { ...STREAM, max_tokens: 3 });

  expect(await report).toMatchObject({ charge: 150n, error: undefined });
});

test('P14: a price that moves while an answer runs moves nothing: it costs what was agreed', async () => {
  let usdPmsat = 1_000_000n * PMSAT_PER_MSAT;
  const moved = Promise.withResolvers<void>();
  const upstream = scripted(async ({ push }) => {
    await push(delta('a'));
    await moved.promise;
    await push(finish() + usage(9, 1) + DONE);
  });
  const price = { unit: 'usd', input: '10', output: '20' } as const;
  const source = sourceOf('a', { upstream, models: [configured('m', { price })] });
  const catalog = createCatalog({
    sources: () => [source],
    usdPmsat: () => usdPmsat,
    clock: systemClock,
    log: silentLog,
  });
  const rail = railWith(RICH);

  const { report } = send([source], rail, STREAM, { catalog });
  await expect.poll(() => rail.quotes).toHaveLength(1);
  const wanted = rail.quotes[0]?.wanted;
  usdPmsat *= 50n;
  catalog.reprice();
  moved.resolve();

  // A dollar is 1,000 sat: 10 and 20 dollars for a million tokens are 10 and 20 msat a token.
  expect((await report).charge).toBe(110n);
  const later = send([source], rail, STREAM, { catalog });
  await later.report;
  expect(rail.quotes[1]?.wanted).toBe((wanted ?? 0n) * 50n);
});
