/** One member of a JSON object, as offsets into its bytes. */
export interface Span {
  /** Unescaped. */
  readonly key: string;
  /** Offset of the key's opening quote. */
  readonly start: number;
  readonly valueStart: number;
  /** Offset after the value's last byte. */
  readonly valueEnd: number;
}

export interface ObjectScan {
  readonly spans: readonly Span[];
  /** Levels of nesting; 1 for an object without objects or lists in it. */
  readonly depth: number;
  /** Keys of all objects at all levels, each time that it stands there. */
  readonly keys: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** A native search costs as much as looking at so many bytes. */
const SHORT_STRING = 32;

/** Finds the members of the JSON object that `json` is. Only for bytes that JSON.parse has taken as an object. */
export function scanObject(json: Buffer): ObjectScan {
  const spans: Span[] = [];
  let deepest = 0;
  let depth = 0;
  let keys = 0;
  let keyStart = -1;
  let colon = -1;
  const endMember = (end: number): void => {
    if (keyStart >= 0) spans.push(spanOf(json, keyStart, colon, end));
    keyStart = -1;
  };

  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at];
    if (byte === QUOTE) {
      if (depth === 1 && keyStart < 0) keyStart = at;
      at = endOfString(json, at) - 1;
    } else if (byte === COLON) {
      keys += 1;
      if (depth === 1) colon = at;
    } else if (byte === COMMA) {
      if (depth === 1) endMember(at);
    } else if (opens(byte)) {
      depth += 1;
      deepest = Math.max(deepest, depth);
    } else if (closes(byte)) {
      depth -= 1;
      if (depth === 0) endMember(at);
    }
  }
  return { spans, depth: deepest, keys };
}

function opens(byte: number | undefined): boolean {
  return byte === OPEN_OBJECT || byte === OPEN_LIST;
}

function closes(byte: number | undefined): boolean {
  return byte === CLOSE_OBJECT || byte === CLOSE_LIST;
}

function spanOf(json: Buffer, start: number, colon: number, end: number): Span {
  let valueStart = colon + 1;
  while (isSpace(json[valueStart])) valueStart += 1;
  let valueEnd = end;
  while (isSpace(json[valueEnd - 1])) valueEnd -= 1;
  return { key: keyAt(json, start), start, valueStart, valueEnd };
}

/** The key whose opening quote stands at `start`, unescaped. */
function keyAt(json: Buffer, start: number): string {
  const end = endOfString(json, start);
  const key = json.toString('utf8', start + 1, end - 1);
  return key.includes('\\') ? String(JSON.parse(`"${key}"`)) : key;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Offset after the closing quote of the string whose opening quote stands at `start`. */
function endOfString(json: Buffer, start: number): number {
  const near = start + SHORT_STRING;
  let at = start + 1;
  for (; at < near; at += 1) {
    if (json[at] === QUOTE) return at + 1;
    if (json[at] === BACKSLASH) at += 1;
  }
  const quote = json.indexOf(QUOTE, at);
  if (quote === at || json[quote - 1] !== BACKSLASH) return quote + 1;
  // It has escaped quotes: searching natively for each would cost more than looking at every byte.
  for (; at < json.length; at += 1) {
    if (json[at] === QUOTE) return at + 1;
    if (json[at] === BACKSLASH) at += 1;
  }
  return json.length;
}

/** Keys of all objects in a parsed value, which must not be nested deeply. Less than `ObjectScan.keys`: a key stood twice. */
export function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let keys = 0;
  if (Array.isArray(value)) {
    for (const item of value) keys += countKeys(item);
    return keys;
  }
  for (const item of Object.values(value)) keys += 1 + countKeys(item);
  return keys;
}
