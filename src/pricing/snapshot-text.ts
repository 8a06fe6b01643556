import { createHash } from 'node:crypto';

import type { Fault, Parser } from '../lib/parse.ts';
import { optional, record, reject, rootField, text, withDefault } from '../lib/parse.ts';
import type { PriceSnapshot } from './snapshot.ts';

const FIELDS = [
  'model',
  'provider',
  'inputPmsat',
  'cachedInputPmsat',
  'outputPmsat',
  'reasoningPmsat',
  'imagePmsat',
  'requestPmsat',
  'purchasePmsat',
  'minimumPmsat',
  'usdPmsat',
] as const satisfies readonly (keyof PriceSnapshot)[];

const MAX_NAME_LENGTH = 1_000;
const ID_LENGTH = 32;

/** A snapshot as compact JSON, its amounts as decimal text. The same text for the same snapshot. */
export function formatSnapshot(snapshot: PriceSnapshot): string {
  return JSON.stringify(
    Object.fromEntries(
      FIELDS.filter((name) => snapshot[name] !== undefined).map((name) => [
        name,
        String(snapshot[name]),
      ]),
    ),
  );
}

/** Reads what `formatSnapshot` wrote. Throws for any other text. */
export function parseSnapshot(source: string): PriceSnapshot {
  const faults: Fault[] = [];
  const at = record(rootField(JSON.parse(source), '', faults), FIELDS);
  const snapshot: PriceSnapshot = {
    model: text(MAX_NAME_LENGTH)(at('model')),
    provider: text(MAX_NAME_LENGTH)(at('provider')),
    inputPmsat: amount(at('inputPmsat')),
    cachedInputPmsat: amount(at('cachedInputPmsat')),
    outputPmsat: amount(at('outputPmsat')),
    reasoningPmsat: amount(at('reasoningPmsat')),
    imagePmsat: amount(at('imagePmsat')),
    requestPmsat: amount(at('requestPmsat')),
    // Snapshots were stored before it was known.
    purchasePmsat: withDefault(at('purchasePmsat'), amount, 0n),
    minimumPmsat: amount(at('minimumPmsat')),
    usdPmsat: optional(at('usdPmsat'), amount),
  };
  const [fault] = faults;
  if (fault !== undefined) {
    throw new RangeError(`not a price snapshot: ${fault.path} ${fault.message}`);
  }
  return snapshot;
}

/** A stable name of the snapshot's content: equal snapshots have equal ids. */
export function snapshotId(snapshot: PriceSnapshot): string {
  return createHash('sha256').update(formatSnapshot(snapshot)).digest('hex').slice(0, ID_LENGTH);
}

const amount: Parser<bigint> = (field) => {
  const { value } = field;
  if (typeof value === 'string' && /^(0|[1-9]\d{0,60})$/.test(value)) return BigInt(value);
  reject(field, 'must be a whole number as text');
  return 0n;
};
