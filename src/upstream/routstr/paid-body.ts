import { MONEY, parseAnswer } from '../../openai/answer-json.ts';
import { withoutCost } from '../../openai/cost-fields.ts';
import { createEventBuffer } from '../../openai/event-buffer.ts';
import { isObject, parseJson } from '../../openai/json-object.ts';
import { readEvent, splitEvents } from '../../openai/sse.ts';
import { WireError } from '../../openai/wire-error.ts';
import { UpstreamFailure } from '../upstream.ts';
import { addToReceipt, endReceipt } from './receipt.ts';
import type { Receipt } from './receipt.ts';

/** A body on its way to the payer: what it says of money goes to the receipt and no further. */
export interface PaidBody {
  /** The bytes to pass on now, perhaps none. Throws UpstreamFailure when the body is too large. */
  push(chunk: Buffer): Buffer;
  /** The rest, after the body's end. */
  end(): Buffer;
}

const MAX_EVENT_BYTES = 4 * 1024 * 1024;
const MAX_JSON_BYTES = 32 * 1024 * 1024;
const NOTHING = Buffer.alloc(0);

/** Everything that may tell of money; a `data` field of several lines could hide it. */
const TELLING = [
  MONEY.source,
  String.raw`"usage"\s*:\s*\{`,
  String.raw`(?<=[^\r\n])(?:\r\n?|\n)data`,
];
const MONEYED = new RegExp(TELLING.join('|'));
/** And how the answer goes on. */
const NOTABLE = new RegExp(
  [
    ...TELLING,
    String.raw`"error"\s*:`,
    String.raw`"finish_reason"\s*:\s*"`,
    String.raw`\[DONE\]`,
    'event:',
  ].join('|'),
);

/** A stream of events: those that say nothing of money are passed on as they came. */
export function paidStream(receipt: Receipt): PaidBody {
  const buffer = createEventBuffer(MAX_EVENT_BYTES);
  const clean = (events: Buffer): Buffer => {
    if (!isNotable(events, receipt)) return events;
    return Buffer.concat(splitEvents(events).map((event) => cleanEvent(event, receipt)));
  };
  return {
    push(chunk) {
      try {
        const events = buffer.add(chunk);
        return events.length === 0 ? NOTHING : clean(events);
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        throw new UpstreamFailure('protocol', error.message, { cause: error });
      }
    },
    end: () => clean(buffer.takeRest()),
  };
}

/** The first chunk always: it shows whether this is an answer. */
function isNotable(events: Buffer, { course }: Receipt): boolean {
  return course === 'unseen' || NOTABLE.test(events.toString('latin1'));
}

function cleanEvent(event: Buffer, receipt: Receipt): Buffer {
  if (!isNotable(event, receipt)) return event;
  const { name, data } = readEvent(event);
  // Comments and pings have no data.
  if (data === undefined) return event;
  if (data.trim() === '[DONE]') {
    endReceipt(receipt);
    return event;
  }
  const cleaned = cleanJson(data, receipt, name);
  if (!MONEYED.test(event.toString('latin1'))) return event;
  // What is no JSON and may hide money: it is no answer either.
  if (cleaned === undefined) return NOTHING;
  return Buffer.from(`${name === undefined ? '' : `event: ${name}\n`}data: ${cleaned}\n\n`);
}

/** An answer in one piece: it is passed on when it is complete. */
export function paidJson(receipt: Receipt): PaidBody {
  const pieces: Buffer[] = [];
  let bytes = 0;
  return {
    push(chunk) {
      bytes += chunk.length;
      if (bytes > MAX_JSON_BYTES) throw new UpstreamFailure('protocol', 'the answer is too large');
      pieces.push(chunk);
      return NOTHING;
    },
    end() {
      const body = Buffer.concat(pieces);
      const cleaned = cleanJson(body.toString(), receipt);
      if (receipt.course === 'begun') receipt.course = 'finished';
      return cleaned === undefined ? NOTHING : Buffer.from(cleaned);
    },
  };
}

/** The same JSON without money in it; undefined when it is no JSON object. */
function cleanJson(text: string, receipt: Receipt, event?: string): string | undefined {
  const said = parseJson(text);
  const answer = parseAnswer(text);
  if (answer === undefined || !isObject(said)) return undefined;
  addToReceipt(receipt, said, event);
  const { usage } = answer.json;
  const ours = isObject(usage) ? withoutCost(usage) : usage;
  if (ours === usage) return answer.cleaned ?? text;
  return JSON.stringify({ ...answer.json, usage: ours });
}
