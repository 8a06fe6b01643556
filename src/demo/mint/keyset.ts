import { createHash, createHmac } from 'node:crypto';

import type { Crypto } from '../../crypto/crypto.ts';

/** What is remembered of a keyset; its keys follow from the seed. */
export interface KeysetRecord {
  readonly id: string;
  readonly unit: string;
  readonly index: number;
  readonly feePpk: number;
  readonly active: boolean;
}

export interface Keyset extends KeysetRecord {
  /** Amount -> compressed public key, hex. */
  readonly publicKeys: Readonly<Record<string, string>>;
  readonly privateKeys: ReadonlyMap<number, Uint8Array>;
}

/** Amounts 1, 2, 4 ... 2^39. */
const KEY_COUNT = 40;

/** The keyset number `index` of a unit. Its id is NUT-02 version 2, which commits to the unit and the fee. */
export function deriveKeyset(
  crypto: Crypto,
  seed: string,
  record: { readonly unit: string; readonly index: number; readonly feePpk: number },
): Keyset {
  const publicKeys: Record<string, string> = {};
  const privateKeys = new Map<number, Uint8Array>();
  for (let order = 0; order < KEY_COUNT; order++) {
    const amount = 2 ** order;
    const key = createHmac('sha256', seed)
      .update(`${record.unit}/${record.index}/${amount}`)
      .digest();
    privateKeys.set(amount, key);
    publicKeys[amount] = Buffer.from(crypto.publicKey(key)).toString('hex');
  }
  const id = keysetId(publicKeys, record.unit, record.feePpk);
  return { ...record, id, active: true, publicKeys, privateKeys };
}

/** NUT-02 fee of a transaction: rounded up once over all inputs. */
export function feeOf(keysets: readonly Keyset[]): number {
  const ppk = keysets.reduce((sum, keyset) => sum + keyset.feePpk, 0);
  return Math.floor((ppk + 999) / 1000);
}

/** The fewest amounts of power of two that make `amount`, largest first. */
export function splitAmount(amount: number): readonly number[] {
  const parts: number[] = [];
  let rest = amount;
  for (let order = KEY_COUNT - 1; order >= 0; order--) {
    const part = 2 ** order;
    while (rest >= part) {
      parts.push(part);
      rest -= part;
    }
  }
  return parts;
}

function keysetId(publicKeys: Readonly<Record<string, string>>, unit: string, feePpk: number) {
  const keys = Object.entries(publicKeys).map(([amount, key]) => `${amount}:${key}`);
  const fee = feePpk === 0 ? '' : `|input_fee_ppk:${feePpk}`;
  const text = `${keys.join(',')}|unit:${unit}${fee}`;
  return `01${createHash('sha256').update(text).digest('hex')}`;
}
