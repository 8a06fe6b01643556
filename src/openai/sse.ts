const LF = 0x0a;
const CR = 0x0d;

/** One event of an event stream. */
export interface SseEvent {
  readonly name: string | undefined;
  /** Undefined where it has no `data` field or an empty one. */
  readonly data: string | undefined;
}

/** More bytes before and after an offset than `endsEvent` looks at. */
export const EVENT_END_CONTEXT = 5;

/**
 * Offset after the last complete event in `bytes`; 0 if there is none. An event ends with the first blank line after its
 * fields; further blank lines belong to the next one, so that the answer does not depend on where the bytes were cut.
 */
export function endOfLastEvent(bytes: Buffer): number {
  for (let at = bytes.length - 1; at >= 0; at -= 1) {
    if (endsEvent(bytes, at)) return at + 1;
  }
  return 0;
}

/** Cuts bytes that hold only complete events. */
export function splitEvents(bytes: Buffer): readonly Buffer[] {
  const events: Buffer[] = [];
  let start = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    if (!endsEvent(bytes, at)) continue;
    events.push(bytes.subarray(start, at + 1));
    start = at + 1;
  }
  // An event that ends with CR: that no LF follows was seen by who cut it off here.
  if (start < bytes.length) events.push(bytes.subarray(start));
  return events;
}

/** Does the byte at `at` end an event: something, a line end, and a second line end? A line end is LF, CRLF or CR. */
function endsEvent(bytes: Buffer, at: number): boolean {
  if (!isLineEnd(bytes[at])) return false;
  // A CR may be the first half of a CRLF: before the next byte is there nobody knows.
  const next = bytes[at + 1];
  if (bytes[at] === CR && (next === undefined || next === LF)) return false;
  const first = beforeLineEnd(bytes, at);
  if (!isLineEnd(bytes[first])) return false;
  const text = beforeLineEnd(bytes, first);
  return text >= 0 && !isLineEnd(bytes[text]);
}

/** Offset before the line end whose last byte stands at `at`. */
function beforeLineEnd(bytes: Buffer, at: number): number {
  return bytes[at] === LF && bytes[at - 1] === CR ? at - 2 : at - 1;
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === LF || byte === CR;
}

/** Reads the fields of one event; comments and unknown fields are left out, several `data` fields are joined by LF. */
export function readEvent(bytes: Buffer): SseEvent {
  let name: string | undefined;
  const data: string[] = [];
  for (const line of bytes.toString().split(/\r\n|\r|\n/)) {
    const [, field, value = ''] = /^([^:]+)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === 'data') data.push(value);
    if (field === 'event') name = value;
  }
  const joined = data.join('\n');
  return { name, data: joined === '' ? undefined : joined };
}
