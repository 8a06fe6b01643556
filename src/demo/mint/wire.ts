import { countOf, isRecord, listOf, textOf } from '../json.ts';
import type { JsonRecord } from '../json.ts';
import { MintError, ShapeError } from './mint-error.ts';

/** A proof as it comes in. Amounts are safe integers: keys go up to 2^39, and a thousand of them stay below 2^53. */
export interface Input {
  readonly amount: number;
  readonly id: string;
  readonly secret: string;
  readonly C: string;
  /** The JSON text of the witness. */
  readonly witness: string | undefined;
}

/** A blinded message. */
export interface Output {
  readonly amount: number;
  readonly id: string;
  readonly B_: string;
}

/** A blind signature as it goes out. */
export interface Signature {
  readonly amount: number;
  readonly id: string;
  readonly C_: string;
  readonly dleq: { readonly e: string; readonly s: string };
}

/** The fields of a signature that leave the mint. */
export function signatureBody({ id, amount, C_, dleq }: Signature): Signature {
  return { id, amount, C_, dleq };
}

export const MAX_ARRAY = 1000;
const MAX_TEXT = 1024;

export function parseInputs(value: unknown): readonly Input[] {
  const items = parseList(value, 'inputs');
  if (items.length > MAX_ARRAY) throw new MintError('tooManyInputs', 'too many inputs');
  return items.map((item) => ({
    amount: parseAmount(item),
    id: parseText(item, 'id'),
    secret: parseText(item, 'secret'),
    C: parsePoint(item, 'C'),
    witness:
      item['witness'] === undefined || item['witness'] === null
        ? undefined
        : parseText(item, 'witness'),
  }));
}

export function parseOutputs(value: unknown): readonly Output[] {
  const items = parseList(value, 'outputs');
  if (items.length > MAX_ARRAY) throw new MintError('tooManyOutputs', 'too many outputs');
  return items.map((item) => ({
    amount: parseAmount(item),
    id: parseText(item, 'id'),
    B_: parsePoint(item, 'B_'),
  }));
}

export function parseBody(value: unknown): JsonRecord {
  if (!isRecord(value)) throw new ShapeError('the body must be a JSON object');
  return value;
}

/** A text of at most 1,024 characters. */
export function parseText(from: JsonRecord, field: string): string {
  const text = textOf(from[field]);
  if (text === undefined) throw new ShapeError(`${field} must be a string`);
  if (text.length > MAX_TEXT) throw new MintError('invalidProof', `${field} is too long`);
  return text;
}

export function parseAmount(from: JsonRecord): number {
  const amount = countOf(from['amount']);
  if (amount === undefined) throw new ShapeError('amount must be a non-negative integer');
  return amount;
}

/** The texts of an array of at most 1,000. */
export function parseTexts(value: unknown, field: string): readonly string[] {
  const texts = listOf(value);
  if (texts === undefined || texts.length > MAX_ARRAY) {
    throw new ShapeError(`${field} must be an array of at most ${MAX_ARRAY}`);
  }
  return texts.map((text) => {
    if (typeof text !== 'string' || text.length > MAX_TEXT) {
      throw new ShapeError(`${field} must hold strings`);
    }
    return text;
  });
}

function parseList(value: unknown, field: string): readonly JsonRecord[] {
  const items = listOf(value);
  if (items === undefined) throw new ShapeError(`${field} must be an array`);
  return items.map((item) => {
    if (!isRecord(item)) throw new ShapeError(`${field} must hold objects`);
    return item;
  });
}

function parsePoint(from: JsonRecord, field: string): string {
  const hex = parseText(from, field);
  if (!/^0[23][0-9a-f]{64}$/.test(hex)) {
    throw new ShapeError(`${field} must be a compressed point in lower-case hex`);
  }
  return hex;
}
