import { deriveKeysetId } from '@cashu/cashu-ts';

import { hexOf } from '../lib/hex.ts';

/** The one unit we take and give; a mint's other keysets are known only to tell a payer so. */
export const ACCEPTED_UNIT = 'sat';

/** NUT-01 suggests 64 keys; more than this in one keyset is hostile. */
export const MAX_KEYS_PER_KEYSET = 256;

/** A keyset of one mint. Those of the accepted unit have keys, proven to belong to the id; others have none. */
export interface Keyset {
  /** Full id, lower-case hex: 16 characters (v1) or 66 (v2). */
  readonly id: string;
  readonly unit: string;
  readonly active: boolean;
  /** NUT-02 input fee, thousandths of a unit per input. */
  readonly ppk: bigint;
  /** NUT-02 final expiry in unix seconds, after which the mint owes nothing. */
  readonly expiryS: bigint | undefined;
  /** Amount to 33-byte public key. */
  readonly keys: ReadonlyMap<bigint, Uint8Array>;
  /** The amounts of `keys`, ascending. */
  readonly denominations: readonly bigint[];
}

/** What NUT-02 lists of a keyset, without its keys. */
export type KeysetListing = Omit<Keyset, 'keys' | 'denominations'>;

/** NUT-02 input fee of a transaction: one rounding up over all its inputs, each given by its keyset's `ppk`. */
export function feeOf(inputs: Iterable<{ readonly ppk: bigint }>): bigint {
  let sum = 0n;
  for (const { ppk } of inputs) sum += ppk;
  return (sum + 999n) / 1000n;
}

export function keysetWithKeys(
  listing: KeysetListing,
  keys: ReadonlyMap<bigint, Uint8Array>,
): Keyset {
  const denominations = [...keys.keys()].toSorted((a, b) => (a < b ? -1 : 1));
  return { ...listing, keys, denominations };
}

/** True when `id` is the NUT-02 id (v1 or v2) of exactly these keys and, for v2, of this unit, fee and expiry. */
export function isKeysetId(listing: KeysetListing, keys: ReadonlyMap<bigint, Uint8Array>): boolean {
  const version = keysetVersion(listing.id);
  if (version === undefined || keys.size === 0) return false;
  const derived = deriveKeysetId(
    Object.fromEntries([...keys].map(([amount, key]) => [String(amount), hexOf(key)])),
    {
      versionByte: version,
      unit: listing.unit,
      input_fee_ppk: Number(listing.ppk),
      ...(listing.expiryS === undefined ? {} : { expiry: Number(listing.expiryS) }),
    },
  );
  return derived === listing.id;
}

/** 0 or 1 (the NUT-02 versions 1 and 2); undefined for ids we do not understand, as base64 ones and v3. */
export function keysetVersion(id: string): 0 | 1 | undefined {
  if (/^00[0-9a-f]{14}$/.test(id)) return 0;
  if (/^01[0-9a-f]{64}$/.test(id)) return 1;
  return undefined;
}

/** NUT-02 short id, as tokens carry it. */
export function shortKeysetId(id: string): string {
  return id.slice(0, 16);
}
