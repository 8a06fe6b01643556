import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { chargeOf } from '../../src/pricing/charge.ts';
import { dearestOf, rememberDearest } from '../../src/pricing/dearest.ts';
import type { PriceSnapshot } from '../../src/pricing/snapshot.ts';

const FREE: PriceSnapshot = {
  model: 'm',
  provider: 'p',
  inputPmsat: 0n,
  cachedInputPmsat: 0n,
  outputPmsat: 0n,
  reasoningPmsat: 0n,
  imagePmsat: 0n,
  requestPmsat: 0n,
  purchasePmsat: 0n,
  minimumPmsat: 0n,
  usdPmsat: undefined,
};

const price = fc.bigInt({ min: 0n, max: 10n ** 15n });
const snapshots = fc
  .record({
    inputPmsat: price,
    cachedInputPmsat: price,
    outputPmsat: price,
    reasoningPmsat: price,
    imagePmsat: price,
    requestPmsat: price,
    purchasePmsat: price,
    minimumPmsat: price,
  })
  .map((prices) => ({ ...FREE, ...prices }));
const several = fc.tuple(snapshots, snapshots, snapshots);

test('the dearest prices cover every candidate, whatever is used', () => {
  const usages = fc
    .record({ input: fc.nat(100), output: fc.nat(100), images: fc.nat(3), share: fc.nat(100) })
    .map(({ share, ...usage }) => ({
      ...usage,
      cachedInput: Math.min(share, usage.input),
      reasoning: Math.min(share, usage.output),
    }));
  fc.assert(
    fc.property(several, usages, (candidates, usage) => {
      const dearest = chargeOf(dearestOf(candidates), usage);

      for (const candidate of candidates) expect(dearest >= chargeOf(candidate, usage)).toBe(true);
    }),
  );
});

test('equal prices of one model are one object, in whatever order the candidates stand', () => {
  fc.assert(
    fc.property(several, ([a, b, c]) => {
      const dearest = rememberDearest();

      const first = dearest('m', [a, b, c]);

      expect(dearest('m', [c, a, { ...b, provider: 'q' }])).toBe(first);
      expect(dearest('n', [a, b, c])).toEqual({ ...first, model: 'n' });
      expect(dearest('m', [a])).toBe(a);
    }),
  );
});

test('of very many prices only some are remembered', () => {
  const dearest = rememberDearest();
  const priced = (inputPmsat: bigint) => dearest('n', [{ ...FREE, inputPmsat }]);
  const [first, second] = [priced(0n), priced(1n)];

  for (let price = 2n; price <= 1_000n; price += 1n) priced(price);

  expect(priced(1n)).toBe(second);
  expect(priced(0n)).not.toBe(first);
  expect(priced(0n)).toEqual(first);
});
