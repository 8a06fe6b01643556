/** One fault of a document, with the place it stands at: `providers[0].models[2].price.input`. */
export interface Fault {
  readonly path: string;
  readonly message: string;
}

/** A value somewhere in a document, or its absence (`value` is undefined). All fields of a document share one fault list. */
export interface Field {
  readonly path: string;
  readonly value: unknown;
  readonly faults: Fault[];
}

/**
 * Turns a field into a typed value. A faulty field is reported and replaced by a harmless placeholder, so that every fault of
 * a document is found in one reading: the result must be thrown away when `faults` is not empty.
 */
export type Parser<T> = (field: Field) => T;

export function rootField(value: unknown, path: string, faults: Fault[]): Field {
  return { path, value, faults };
}

/** Reports that `field` is wrong; a missing field is reported as missing, whatever `message` says. */
export function reject(field: Field, message: string): void {
  field.faults.push({
    path: field.path,
    message: field.value === undefined ? 'is missing' : message,
  });
}

/** Reads an object that may have `keys` and no others; gives access to its fields. */
export function record<Key extends string>(
  field: Field,
  keys: readonly Key[],
): (key: Key) => Field {
  const entries = entriesOf(field);
  const known: readonly string[] = keys;
  for (const key of entries.keys()) {
    if (known.includes(key)) continue;
    const message = `is not a known key; known here: ${keys.join(', ')}`;
    field.faults.push({ path: pathOf(field.path, key), message });
  }
  return (key) => ({
    path: pathOf(field.path, key),
    value: entries.get(key),
    faults: field.faults,
  });
}

function entriesOf(field: Field): Map<string, unknown> {
  const { value } = field;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return new Map(Object.entries(value));
  }
  reject(field, 'must be an object');
  return new Map();
}

function pathOf(parent: string, key: string): string {
  return parent === '' ? key : `${parent}.${key}`;
}

/** `undefined` for an absent field, else what `parser` makes of it. */
export function optional<T>(field: Field, parser: Parser<T>): T | undefined {
  return field.value === undefined ? undefined : parser(field);
}

/** `fallback` for an absent field, else what `parser` makes of it. */
export function withDefault<T>(field: Field, parser: Parser<T>, fallback: T): T {
  return field.value === undefined ? fallback : parser(field);
}

/** A list of `min` to `max` items. */
export function list<T>(item: Parser<T>, min: number, max: number): Parser<readonly T[]> {
  return (field) => {
    if (!Array.isArray(field.value) || field.value.length < min || field.value.length > max) {
      reject(field, `must be a list of ${min} to ${max} items`);
      return [];
    }
    const values: readonly unknown[] = field.value;
    return values.map((value, index) =>
      item({ path: `${field.path}[${index}]`, value, faults: field.faults }),
    );
  };
}

/** Text of 1 to `max` characters, without control characters. */
export function text(max: number): Parser<string> {
  return (field) => {
    if (typeof field.value === 'string' && isPlainText(field.value, max)) return field.value;
    reject(field, `must be a text of 1 to ${max} characters on one line`);
    return '';
  };
}

function isPlainText(value: string, max: number): boolean {
  return value.length > 0 && value.length <= max && !/\p{Cc}/u.test(value);
}

/** One of `choices`. */
export function oneOf<Choice extends string>(
  choices: readonly [Choice, ...Choice[]],
): Parser<Choice> {
  return (field) => {
    const found = choices.find((choice) => choice === field.value);
    if (found !== undefined) return found;
    reject(field, `must be ${choices.map((choice) => JSON.stringify(choice)).join(' or ')}`);
    return choices[0];
  };
}

/** A whole number from `min` to `max`. */
export function integer(min: number, max: number): Parser<number> {
  return (field) => {
    const { value } = field;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) {
      return value;
    }
    reject(field, `must be a whole number from ${min} to ${max}`);
    return min;
  };
}

export const boolean: Parser<boolean> = (field) => {
  if (typeof field.value === 'boolean') return field.value;
  reject(field, 'must be true or false');
  return false;
};

const MAX_URL_CHARS = 500;

/** An absolute URL of one of `protocols` (`https:`), without credentials, query or fragment; canonical, no trailing slash. */
export function url(protocols: readonly string[]): Parser<string> {
  return (field) => {
    const { value } = field;
    const isShort = typeof value === 'string' && value.length <= MAX_URL_CHARS;
    const parsed = isShort ? URL.parse(value) : null;
    const isFit = parsed !== null && protocols.includes(parsed.protocol);
    // `href` shows what the fields hide: an empty query or fragment.
    if (!isFit || parsed.username + parsed.password !== '' || /[?#]/.test(parsed.href)) {
      const wanted = protocols.map((protocol) => `${protocol}//`).join(' or ');
      reject(field, `must be a URL that starts with ${wanted}, without credentials or a query`);
      return '';
    }
    return parsed.href.replace(/\/+$/, '');
  };
}

/** More digits than this are not told apart by a JSON number. */
const MAX_DECIMAL_DIGITS = 15;

/**
 * A JSON number from 0 (or above 0, where `positive`) to `max`, as the shortest decimal text that means it: `0.1`, never
 * `1e-1`. Numbers of more than 15 digits are refused, because JSON.parse may already have changed them.
 */
export function decimal(max: number, positive: boolean): Parser<string> {
  return (field) => {
    const { value } = field;
    const isInRange =
      typeof value === 'number' && value <= max && (positive ? value > 0 : value >= 0);
    if (!isInRange) {
      reject(
        field,
        `must be a number ${positive ? 'above' : 'from'} 0 ${positive ? 'and up ' : ''}to ${max}`,
      );
      return '0';
    }
    const shortest = plainDecimal(value);
    if (shortest.replace(/^0\.0*|\./, '').replace(/0+$/, '').length > MAX_DECIMAL_DIGITS) {
      reject(field, `must have at most ${MAX_DECIMAL_DIGITS} digits`);
      return '0';
    }
    return shortest;
  };
}

/** The shortest decimal text of a finite number >= 0, without an exponent. */
function plainDecimal(value: number): string {
  const [mantissa = '0', exponentText] = String(value).split('e');
  if (exponentText === undefined) return mantissa;
  const [whole = '0', fraction = ''] = mantissa.split('.');
  const exponent = Number(exponentText);
  const digits = whole + fraction;
  const point = whole.length + exponent;
  if (point <= 0) return `0.${'0'.repeat(-point)}${digits}`;
  return digits.padEnd(point, '0');
}
