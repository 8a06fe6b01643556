import { EVENT_END_CONTEXT, endOfLastEvent } from './sse.ts';
import { WireError } from './wire-error.ts';

/** Collects the bytes of an event stream until its events are complete. Each byte is copied at most once. */
export interface EventBuffer {
  /**
   * Returns the complete events that are there now, in one piece, and keeps the rest. Returns `chunk` itself where it holds
   * nothing else. Throws WireError when an event grows over the limit.
   */
  add(chunk: Buffer): Buffer;
  /** What is left: part of an event. Empties the buffer. */
  takeRest(): Buffer;
}

const NOTHING = Buffer.alloc(0);

export function createEventBuffer(maxEventBytes: number): EventBuffer {
  let kept: Buffer[] = [];
  let keptBytes = 0;

  const keep = (bytes: Buffer): void => {
    if (bytes.length === 0) return;
    keptBytes += bytes.length;
    if (keptBytes > maxEventBytes) throw new WireError('an event of the stream is too large');
    kept.push(bytes);
  };
  const takeRest = (): Buffer => {
    const [first = NOTHING] = kept;
    const rest = kept.length < 2 ? first : Buffer.concat(kept);
    kept = [];
    keptBytes = 0;
    return rest;
  };

  return {
    takeRest,
    add(chunk) {
      const end = endIn(chunk, kept);
      if (end === undefined) {
        keep(chunk);
        return NOTHING;
      }
      const head = end === chunk.length ? chunk : chunk.subarray(0, end);
      const complete = keptBytes === 0 ? head : Buffer.concat([...kept, head]);
      kept = [];
      keptBytes = 0;
      keep(chunk.subarray(end));
      return complete;
    },
  };
}

/** Offset in `chunk` after its last complete event, which may have begun in the bytes kept before; undefined if there is none. */
function endIn(chunk: Buffer, kept: readonly Buffer[]): number | undefined {
  const end = endOfLastEvent(chunk);
  if (end > 0) return end;
  if (kept.length === 0) return undefined;
  // A line end may be cut in two, and the blank line too.
  const tail = tailOf(kept);
  const seam = Buffer.concat([tail, chunk.subarray(0, EVENT_END_CONTEXT)]);
  const seamEnd = endOfLastEvent(seam);
  return seamEnd === 0 ? undefined : seamEnd - tail.length;
}

function tailOf(pieces: readonly Buffer[]): Buffer {
  const last: Buffer[] = [];
  for (let at = pieces.length - 1, bytes = 0; at >= 0 && bytes < EVENT_END_CONTEXT; at -= 1) {
    const piece = pieces[at] ?? NOTHING;
    last.unshift(piece.subarray(-EVENT_END_CONTEXT));
    bytes += piece.length;
  }
  return Buffer.concat(last);
}
