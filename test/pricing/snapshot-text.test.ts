import { expect, test } from 'vitest';

import { formatSnapshot, parseSnapshot, snapshotId } from '../../src/pricing/snapshot-text.ts';
import type { PriceSnapshot } from '../../src/pricing/snapshot.ts';

const SNAPSHOT: PriceSnapshot = {
  model: 'llama3.2:1b',
  provider: 'gpu',
  inputPmsat: 1n,
  cachedInputPmsat: 2n,
  outputPmsat: 3n,
  reasoningPmsat: 4n,
  imagePmsat: 5n,
  requestPmsat: 2n ** 70n,
  purchasePmsat: 6n,
  minimumPmsat: 0n,
  usdPmsat: 2_000_000_000_000_000_000n,
};

test('a snapshot survives being written down, with or without a rate', () => {
  const withoutRate = { ...SNAPSHOT, usdPmsat: undefined };

  expect(parseSnapshot(formatSnapshot(SNAPSHOT))).toEqual(SNAPSHOT);
  expect(parseSnapshot(formatSnapshot(withoutRate))).toEqual(withoutRate);
});

test('a snapshot that was stored before purchases were priced has none', () => {
  const { purchasePmsat: _, ...stored }: Record<string, unknown> = JSON.parse(
    formatSnapshot(SNAPSHOT),
  );

  expect(parseSnapshot(JSON.stringify(stored))).toEqual({ ...SNAPSHOT, purchasePmsat: 0n });
});

test('the id follows from the content: not from the order of fields, and from every field', () => {
  const { model, ...rest } = SNAPSHOT;
  const reordered: PriceSnapshot = { ...rest, model };
  const others = Object.entries(SNAPSHOT).map(([name, value]) => ({
    ...SNAPSHOT,
    [name]: typeof value === 'bigint' ? value + 1n : `${value}x`,
  }));

  expect(snapshotId(reordered)).toBe(snapshotId(SNAPSHOT));
  expect(snapshotId(SNAPSHOT)).toMatch(/^[0-9a-f]{32}$/);
  expect(new Set([SNAPSHOT, ...others].map(snapshotId)).size).toBe(others.length + 1);
});

test('a text that was changed in any way that matters is refused', () => {
  const stored: Record<string, unknown> = JSON.parse(formatSnapshot(SNAPSHOT));
  const { minimumPmsat: _, ...incomplete } = stored;
  const broken = [
    incomplete,
    { ...stored, extra: '1' },
    { ...stored, inputPmsat: 1 },
    { ...stored, inputPmsat: '-1' },
    { ...stored, inputPmsat: '01' },
    { ...stored, model: '' },
    [],
    null,
  ];

  for (const value of broken)
    expect(() => parseSnapshot(JSON.stringify(value))).toThrow(RangeError);
  expect(() => parseSnapshot('')).toThrow(SyntaxError);
});
