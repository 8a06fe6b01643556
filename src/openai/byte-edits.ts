import type { Span } from './json-spans.ts';

/** Puts `bytes` in the place of what stands from `start` to `end`. */
export interface ByteEdit {
  readonly start: number;
  readonly end: number;
  readonly bytes: string;
}

/** Gives a member of the JSON object `object` the value `json`: in its place, or as a new last member. */
export function memberEdit(
  object: Buffer,
  spans: readonly Span[],
  member: { readonly key: string; readonly json: string },
): ByteEdit {
  const { key, json } = member;
  const span = spans.findLast((candidate) => candidate.key === key);
  if (span !== undefined) return { start: span.valueStart, end: span.valueEnd, bytes: json };
  const end = object.lastIndexOf('}');
  const comma = spans.length === 0 ? '' : ',';
  return { start: end, end, bytes: `${comma}${JSON.stringify(key)}:${json}` };
}

/** Takes the members named `keys` out of a JSON object that keeps at least one other. */
export function removalEdits(
  spans: readonly Span[],
  keys: ReadonlySet<string>,
): readonly ByteEdit[] {
  if (!spans.some(({ key }) => keys.has(key))) return NO_EDITS;
  const lastKept = spans.findLastIndex(({ key }) => !keys.has(key));
  const edits: ByteEdit[] = [];
  for (const [index, { key, start, valueEnd }] of spans.entries()) {
    if (!keys.has(key)) continue;
    // A member goes with the comma after it; those after the last that stays with the comma before them.
    const end = index < lastKept ? (spans[index + 1]?.start ?? valueEnd) : valueEnd;
    const from = index < lastKept ? start : (spans[index - 1]?.valueEnd ?? start);
    edits.push({ start: from, end, bytes: '' });
  }
  return edits;
}

const NO_EDITS: readonly ByteEdit[] = [];

/**
 * `original` with all edits, which must not overlap. Edits that put in what stands there already are left out; returns
 * `original` itself when none is left.
 */
export function applyEdits(original: Buffer, edits: readonly ByteEdit[]): Buffer {
  const changes = edits.filter(
    ({ start, end, bytes }) => original.toString('utf8', start, end) !== bytes,
  );
  if (changes.length === 0) return original;
  const pieces: Buffer[] = [];
  let at = 0;
  for (const { start, end, bytes } of changes.toSorted((a, b) => a.start - b.start)) {
    pieces.push(original.subarray(at, start), Buffer.from(bytes));
    at = end;
  }
  pieces.push(original.subarray(at));
  return Buffer.concat(pieces);
}
