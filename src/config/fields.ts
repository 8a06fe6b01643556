import { MAX_CAP_SAT } from '../discovery/decision-file.ts';
import type { Field, Parser } from '../lib/parse.ts';
import { decimal, integer, oneOf, reject } from '../lib/parse.ts';
import { pubkeyOf } from '../nostr/npub.ts';

/** Pay from a balance at the node, or each request with a token of its own. */
export type Buy = 'balance' | 'request';

const MAX_MARKUP = 1_000;

/** A factor on prices. Below 1 only where that is wanted. */
export function markup(belowCost: boolean): Parser<string> {
  return (field) => {
    const factor = decimal(MAX_MARKUP, true)(field);
    if (!belowCost && Number(factor) < 1 && Number(factor) > 0) {
      reject(field, 'is below 1, which sells below cost; where that is wanted: "belowCost": true');
    }
    return factor;
  };
}

/** A Nostr key: npub or 64 hex digits. */
export const pubkey: Parser<string> = (field) => {
  const key = typeof field.value === 'string' ? pubkeyOf(field.value) : undefined;
  if (key !== undefined) return key;
  reject(field, 'must be a Nostr public key: npub1... or 64 hex digits');
  return '';
};

export const buy: Parser<Buy> = oneOf<Buy>(['balance', 'request']);

/** The most that may be at risk, sat. */
export const capSat: Parser<number> = integer(0, MAX_CAP_SAT);

/** An absent object is an empty one: all its fields have defaults. */
export function orEmpty(field: Field): Field {
  return field.value === undefined ? { ...field, value: {} } : field;
}

/** Reports every value that stands in the list before. */
export function refuseDuplicates(
  field: Field,
  values: readonly string[],
  suffix: (index: number) => string,
): void {
  for (const [index, value] of values.entries()) {
    if (value === '' || values.indexOf(value) === index) continue;
    const path = `${field.path}${suffix(index)}`;
    field.faults.push({ path, message: `is there twice: ${value}` });
  }
}
