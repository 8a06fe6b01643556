import { MONEY, parseAnswer } from './answer-json.ts';
import { createChunkReader } from './chunk-reader.ts';
import type { StreamFindings } from './chunk-reader.ts';
import { createEventBuffer } from './event-buffer.ts';
import { createRelayedTexts } from './relayed-texts.ts';
import { readEvent, splitEvents } from './sse.ts';

export interface StreamTapOptions {
  /** Answers the request asked for (`n`). */
  readonly choices: number;
}

/**
 * Looks into an event stream while it is relayed, byte by byte as it came. Held back are only: an event that is not complete
 * yet, the chunk that has nothing but usage, errors, `[DONE]`, any money, and all that comes before the first chunk, so that
 * until then another upstream can still be tried.
 */
export interface StreamTap extends Readonly<StreamFindings> {
  /** The bytes to forward now, perhaps none. Throws WireError when this is no chat stream. */
  push(chunk: Buffer): Buffer;
  /** To be called when the upstream's body ended: the bytes of a last event that lacks its blank line. */
  end(): Buffer;
  /**
   * The texts relayed since the last call: content, reasoning, refusals, names and arguments of calls. They are parsed now.
   * Call it every few seconds: at most 4 Mi characters are kept, beyond them `push` throws.
   */
  takeTexts(): readonly string[];
}

/** Images in an answer come as one event. */
const MAX_EVENT_BYTES = 4 * 1024 * 1024;
const NOTHING = Buffer.alloc(0);
const BLANK_LINE = Buffer.from('\n\n');

/** Finds bytes that may hold something to look at: a `data` field of several lines could hide the rest. */
const NOTABLE = new RegExp(
  [
    String.raw`"usage"\s*:\s*\{`,
    String.raw`"error"\s*:`,
    String.raw`"finish_reason"\s*:\s*"`,
    String.raw`\[DONE\]`,
    String.raw`event:`,
    String.raw`(?<=[^\r\n])(?:\r\n?|\n)data`,
    MONEY.source,
  ].join('|'),
);

export function createStreamTap({ choices }: StreamTapOptions): StreamTap {
  const buffer = createEventBuffer(MAX_EVENT_BYTES);
  const relayed = createRelayedTexts();
  const reader = createChunkReader();
  const { findings } = reader;

  // Which choices are there shows only in all the chunks.
  const isNotable = (events: Buffer): boolean =>
    !findings.sawChunk || choices > 1 || NOTABLE.test(events.toString('latin1'));
  const isOver = (): boolean => findings.done || findings.error !== undefined;
  const inspect = (event: Buffer): Buffer =>
    isOver() || isNotable(event) ? reader.read(event) : event;

  const relay = (events: Buffer): Buffer => {
    const bytes = isNotable(events) ? mapEvents(events, inspect) : events;
    if (bytes.length > 0) relayed.add(bytes);
    findings.relayedBytes += bytes.length;
    return bytes;
  };

  return Object.assign(findings, {
    push(chunk: Buffer) {
      if (isOver()) return NOTHING;
      const events = buffer.add(chunk);
      return events.length === 0 ? NOTHING : relay(events);
    },
    end() {
      const rest = buffer.takeRest();
      return isWhole(rest) ? relay(Buffer.concat([rest, BLANK_LINE])) : NOTHING;
    },
    takeTexts: () => relayed.take(),
  });
}

/** The mapped events in one piece: `events` itself where every one stayed as it was. */
function mapEvents(events: Buffer, map: (event: Buffer) => Buffer): Buffer {
  const before = splitEvents(events);
  const after = before.map(map);
  return after.every((event, index) => event === before[index]) ? events : Buffer.concat(after);
}

/** A stream may end without its last blank line, or be cut off within an event. */
function isWhole(rest: Buffer): boolean {
  const { data } = readEvent(rest);
  return data !== undefined && (data.trim() === '[DONE]' || parseAnswer(data) !== undefined);
}
