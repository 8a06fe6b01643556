declare const msatBrand: unique symbol;

/** A non-negative amount of money in millisatoshi. Built only by the functions of this file. */
export type Msat = bigint & { readonly [msatBrand]: 'msat' };

/** Brands a bigint as `Msat`. Throws RangeError when it is negative. */
export function msat(value: bigint): Msat {
  if (value < 0n) throw new RangeError('an amount of money cannot be negative');
  return value as Msat;
}

export const ZERO_MSAT: Msat = msat(0n);

/** Whole satoshi to msat. */
export function msatOfSat(sat: bigint): Msat {
  return msat(sat * 1000n);
}

/** What we ask: the least whole number of sat that covers `amount`. */
export function ceilToSat(amount: Msat): bigint {
  return (amount + 999n) / 1000n;
}

/** What we give: the whole sat in `amount`. */
export function floorToSat(amount: Msat): bigint {
  return amount / 1000n;
}

export function minMsat(a: Msat, b: Msat): Msat {
  return a < b ? a : b;
}

export function maxMsat(a: Msat, b: Msat): Msat {
  return a > b ? a : b;
}

export function addMsat(a: Msat, b: Msat): Msat {
  return msat(a + b);
}
