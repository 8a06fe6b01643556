import { withoutCost } from './cost-fields.ts';
import { isObject } from './json-object.ts';
import type { JsonObject } from './json-object.ts';

/** JSON from an upstream, after any money in it was taken out. */
export interface AnswerJson {
  readonly json: JsonObject;
  /** The same as text, where something was taken out. */
  readonly cleaned: string | undefined;
}

const CHANGE_KEY = 'x_cashu';

/** The keys may hide behind escapes: `\u0078` is `x`, `\u005f` is `_`. */
export const MONEY = /x_cashu|"(?:cost|cost_sats|remaining_balance_msats|routstr)"\s*:|\\u00[567]/;

/**
 * Parses what an upstream sent as an answer, without what it says of money: `x_cashu` at every level is either the change of a
 * payment that was ours, or a forgery; at the top level `cost` and its like and `metadata.routstr` are what it charged us, and
 * what is left of ours there.
 * `usage` stays as it is. Undefined when this is no JSON object.
 */
export function parseAnswer(text: string): AnswerJson | undefined {
  let dropped = 0;
  const dropChange = (key: string, value: unknown): unknown => {
    if (key !== CHANGE_KEY) return value;
    dropped += 1;
    return undefined;
  };
  try {
    const isPlain = !MONEY.test(text);
    const parsed: unknown = isPlain ? JSON.parse(text) : JSON.parse(text, dropChange);
    if (!isObject(parsed)) return undefined;
    const json = isPlain ? parsed : withoutCharge(parsed);
    const isCleaned = dropped > 0 || json !== parsed;
    return { json, cleaned: isCleaned ? JSON.stringify(json) : undefined };
  } catch {
    // No JSON, or nested so deeply that walking through it overflows the stack.
    return undefined;
  }
}

function withoutCharge(json: JsonObject): JsonObject {
  const free = withoutCost(json);
  const { metadata } = free;
  if (!isObject(metadata) || !('routstr' in metadata)) return free;
  const { routstr: _routstr, ...others } = metadata;
  return { ...free, metadata: others };
}
