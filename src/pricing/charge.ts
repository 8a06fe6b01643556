import type { Msat } from '../lib/amount.ts';
import { msat } from '../lib/amount.ts';
import { ceilDivide } from '../lib/decimal.ts';
import type { Usage } from '../tokens/usage.ts';
import { cachedInput } from './components/cached-input.ts';
import type { Component } from './components/component.ts';
import { image } from './components/image.ts';
import { input } from './components/input.ts';
import { minimum } from './components/minimum.ts';
import { output } from './components/output.ts';
import { purchase } from './components/purchase.ts';
import { reasoning } from './components/reasoning.ts';
import { request } from './components/request.ts';
import type { PriceSnapshot } from './snapshot.ts';
import { PMSAT_PER_MSAT } from './snapshot.ts';

/** What a price is made of, in order. */
const COMPONENTS: readonly Component[] = [
  input,
  cachedInput,
  output,
  reasoning,
  image,
  request,
  purchase,
  minimum,
];

/**
 * The price of `usage`, rounded up once, to a whole msat. A served request costs its request price and the minimum even when
 * it used nothing; whether anything is charged at all is the caller's decision. Throws RangeError when `usage` is not sane.
 */
export function chargeOf(snapshot: PriceSnapshot, usage: Usage): Msat {
  return msat(ceilDivide(exactPriceOf(snapshot, usage), PMSAT_PER_MSAT));
}

/** The price of `usage` in pico-msat, before rounding. Throws RangeError when `usage` is not sane. */
export function exactPriceOf(snapshot: PriceSnapshot, usage: Usage): bigint {
  requireSane(usage);
  let sum = 0n;
  for (const component of COMPONENTS) sum += component(snapshot, usage, sum);
  return sum;
}

/** A negative product would lower the charge without a trace. */
function requireSane(usage: Usage): void {
  const { input, cachedInput, output, reasoning, images } = usage;
  const isSane =
    [input, cachedInput, output, reasoning, images].every(isCount) &&
    cachedInput <= input &&
    reasoning <= output;
  if (!isSane) throw new RangeError('usage must be counts, with parts no larger than their whole');
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
