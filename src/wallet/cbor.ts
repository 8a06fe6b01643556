/** What a token's CBOR may hold. Maps have text keys; anything else is refused. */
export type CborValue =
  | bigint
  | string
  | Uint8Array
  | boolean
  | null
  | readonly CborValue[]
  | ReadonlyMap<string, CborValue>;

const MAX_DEPTH = 8;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Decodes one CBOR item (RFC 8949), strictly: definite lengths, unsigned 64-bit integers, valid UTF-8, text keys that occur
 * once, nothing after the item. Throws RangeError or TypeError on anything else, and never allocates more than the input's size.
 */
export function decodeCbor(bytes: Uint8Array): CborValue {
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at: 0 };
  const value = readItem(reader, 0);
  if (reader.at !== bytes.byteLength) throw new RangeError('bytes after the CBOR item');
  return value;
}

interface Reader {
  readonly view: DataView;
  at: number;
}

function readItem(reader: Reader, depth: number): CborValue {
  if (depth > MAX_DEPTH) throw new RangeError('CBOR is nested too deep');
  const initial = reader.view.getUint8(reader.at);
  reader.at += 1;
  const major = initial >> 5;
  const info = initial & 0x1f;
  switch (major) {
    case 0:
      return readLength(reader, info);
    case 2:
      return readBytes(reader, info);
    case 3:
      return utf8.decode(readBytes(reader, info));
    case 4:
      return readArray(reader, info, depth);
    case 5:
      return readMap(reader, info, depth);
    case 7:
      return readSimple(info);
    default:
      throw new RangeError('CBOR of a type that no token has');
  }
}

function readLength(reader: Reader, info: number): bigint {
  if (info < 24) return BigInt(info);
  const { view, at } = reader;
  switch (info) {
    case 24:
      reader.at += 1;
      return BigInt(view.getUint8(at));
    case 25:
      reader.at += 2;
      return BigInt(view.getUint16(at));
    case 26:
      reader.at += 4;
      return BigInt(view.getUint32(at));
    case 27:
      reader.at += 8;
      return view.getBigUint64(at);
    default:
      throw new RangeError('CBOR of indefinite length');
  }
}

/** A count or byte length; every item takes at least one byte, so a larger one cannot be true. */
function readCount(reader: Reader, info: number): number {
  const count = readLength(reader, info);
  if (count > BigInt(reader.view.byteLength - reader.at)) throw new RangeError('CBOR is cut off');
  return Number(count);
}

function readBytes(reader: Reader, info: number): Uint8Array {
  const length = readCount(reader, info);
  const { view, at } = reader;
  reader.at += length;
  return new Uint8Array(view.buffer, view.byteOffset + at, length);
}

function readArray(reader: Reader, info: number, depth: number): CborValue[] {
  const count = readCount(reader, info);
  const items: CborValue[] = [];
  for (let i = 0; i < count; i += 1) items.push(readItem(reader, depth + 1));
  return items;
}

function readMap(reader: Reader, info: number, depth: number): Map<string, CborValue> {
  const count = readCount(reader, info);
  const map = new Map<string, CborValue>();
  for (let i = 0; i < count; i += 1) {
    const key = readItem(reader, depth + 1);
    if (typeof key !== 'string' || map.has(key))
      throw new TypeError('CBOR key is no text or twice');
    map.set(key, readItem(reader, depth + 1));
  }
  return map;
}

function readSimple(info: number): boolean | null {
  if (info === 20) return false;
  if (info === 21) return true;
  // `undefined` (23) is written by some wallets for absent fields.
  if (info === 22 || info === 23) return null;
  throw new RangeError('CBOR of a type that no token has');
}
