import { parseAnswer } from './answer-json.ts';
import { withoutCost } from './cost-fields.ts';
import { isObject, objectsOf } from './json-object.ts';
import type { JsonObject } from './json-object.ts';
import type { ChunkMeta } from './last-chunk.ts';
import { readEvent } from './sse.ts';
import { readUpstreamError } from './upstream-error.ts';
import type { UpstreamError } from './upstream-error.ts';
import { WireError } from './wire-error.ts';

/** What was learned of a stream so far. */
export interface StreamFindings {
  /** A chunk was seen: this upstream answers. */
  sawChunk: boolean;
  /** A finish reason was seen for every choice that was seen. */
  finished: boolean;
  /** `[DONE]` was seen; whatever follows is dropped. */
  done: boolean;
  /** The error that ended the stream, if one did; whatever follows is dropped. */
  error: UpstreamError | undefined;
  /** The last usage object that was seen, as the upstream sent it. */
  usage: JsonObject | undefined;
  /** What our own last chunk repeats. */
  meta: ChunkMeta;
  /** Bytes returned so far: never less than the tokens in them. */
  relayedBytes: number;
}

/** Reads single events of a chat stream. */
export interface ChunkReader {
  readonly findings: StreamFindings;
  /** What to forward of one event, perhaps nothing. Throws WireError when this is no chat stream. */
  read(event: Buffer): Buffer;
}

const NOTHING = Buffer.alloc(0);
/** As many as a request can ask for. */
const MAX_CHOICES = 128;

export function createChunkReader(): ChunkReader {
  const seen = new Set<number>();
  const finished = new Set<number>();
  const findings: StreamFindings = {
    sawChunk: false,
    finished: false,
    done: false,
    error: undefined,
    usage: undefined,
    meta: { id: '', created: 0, model: '' },
    relayedBytes: 0,
  };

  const learn = (json: JsonObject): void => {
    findings.sawChunk = true;
    findings.meta = metaOf(json, findings.meta);
    if (isObject(json['usage'])) findings.usage = json['usage'];
    for (const choice of objectsOf(json['choices'])) {
      const index = choice['index'] ?? 0;
      if (typeof index !== 'number' || !isChoice(index)) continue;
      seen.add(index);
      if (typeof choice['finish_reason'] === 'string') finished.add(index);
    }
    findings.finished = seen.size > 0 && finished.size === seen.size;
  };

  const readJson = (event: Buffer, name: string | undefined, data: string): Buffer => {
    const answer = parseAnswer(data);
    if (answer === undefined) throw new WireError('an event of the stream is no JSON object');
    const { json, cleaned } = answer;
    if (name === 'error' || isSet(json['error'])) {
      findings.error = readUpstreamError(json);
      return NOTHING;
    }
    if (!findings.sawChunk && !Array.isArray(json['choices'])) {
      throw new WireError('the stream does not begin with a chat chunk');
    }
    learn(json);
    if (isUsageOnly(json)) return NOTHING;
    const relayed = relayedText(json, cleaned);
    return relayed === undefined ? event : Buffer.from(`data: ${relayed}\n\n`);
  };

  return {
    findings,
    read(event) {
      if (findings.done || findings.error !== undefined) return NOTHING;
      const { name, data } = readEvent(event);
      if (data === undefined) return findings.sawChunk ? event : NOTHING;
      if (data.trim() !== '[DONE]') return readJson(event, name, data);
      findings.done = true;
      return NOTHING;
    },
  };
}

/** What is relayed of a chunk instead of its bytes, where they tell of money. */
function relayedText(json: JsonObject, cleaned: string | undefined): string | undefined {
  const { usage } = json;
  const ours = isObject(usage) ? withoutCost(usage) : usage;
  return ours === usage ? cleaned : JSON.stringify({ ...json, usage: ours });
}

function isChoice(index: number): boolean {
  return Number.isInteger(index) && index >= 0 && index < MAX_CHOICES;
}

function isUsageOnly(json: JsonObject): boolean {
  const choices = json['choices'];
  return isObject(json['usage']) && Array.isArray(choices) && choices.length === 0;
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function metaOf(json: JsonObject, last: ChunkMeta): ChunkMeta {
  const { id, created, model } = json;
  return {
    id: typeof id === 'string' ? id : last.id,
    created: typeof created === 'number' ? created : last.created,
    model: typeof model === 'string' ? model : last.model,
  };
}
