import { isObject } from './json-object.ts';
import type { JsonObject } from './json-object.ts';

/** JSON from an upstream, after any money in it was taken out. */
export interface AnswerJson {
  readonly json: JsonObject;
  /** The same as text, where something was taken out. */
  readonly cleaned: string | undefined;
}

const MONEY_KEY = 'x_cashu';

/** The key may hide behind escapes: `\u0078` is `x`, `\u005f` is `_`. */
export const MONEY = /x_cashu|\\u00[567]/;

/**
 * Parses what an upstream sent as an answer. `x_cashu` is taken out at every level: it is either the change of a payment
 * that was ours, or a forgery. Undefined when this is no JSON object.
 */
export function parseAnswer(text: string): AnswerJson | undefined {
  let dropped = 0;
  const dropMoney = (key: string, value: unknown): unknown => {
    if (key !== MONEY_KEY) return value;
    dropped += 1;
    return undefined;
  };
  try {
    const json: unknown = MONEY.test(text) ? JSON.parse(text, dropMoney) : JSON.parse(text);
    if (!isObject(json)) return undefined;
    return { json, cleaned: dropped > 0 ? JSON.stringify(json) : undefined };
  } catch {
    // No JSON, or nested so deeply that walking through it overflows the stack.
    return undefined;
  }
}
