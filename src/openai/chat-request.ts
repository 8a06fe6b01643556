import { isUtf8 } from 'node:buffer';

import { RouterError } from '../lib/errors.ts';
import { isObject, parseJson } from './json-object.ts';
import type { JsonObject } from './json-object.ts';
import { countKeys, scanObject } from './json-spans.ts';
import type { ObjectScan, Span } from './json-spans.ts';
import { readMessages } from './messages.ts';
import { PRICE_BEARING, priceBearing } from './price-bearing.ts';
import { promptTexts } from './prompt-texts.ts';

export type MaxField = 'max_tokens' | 'max_completion_tokens';

/** A chat request that passed every check of its form: what it asks for, and the bytes it came as. */
export interface ChatRequest {
  readonly body: Buffer;
  readonly model: string;
  readonly stream: boolean;
  /** How many answers it asks for: 1 to 128. */
  readonly n: number;
  /** The most output tokens of one answer that it allows; the smaller one where it has both fields. */
  readonly maxOutput: number | undefined;
  /** The limit fields it has. */
  readonly maxFields: readonly MaxField[];
  /** The client itself asked for a usage chunk. */
  readonly includeUsage: boolean;
  readonly messageCount: number;
  /** Image parts of all messages. */
  readonly imageCount: number;
  /** No prompt made of this request has more UTF-8 bytes of text than this: the body's size, less its images. */
  readonly textBytes: number;
  /** Those fields of `PRICE_BEARING` that it asks for anything by. */
  readonly priceBearing: readonly string[];
  /** The members of the body, in its order. */
  readonly spans: readonly Span[];
  /** Everything that an upstream turns into prompt tokens, images apart. Made anew by each call. */
  texts(): readonly string[];
}

export interface ChatRequestOptions {
  /** Let image parts name a URL that the upstream will fetch. Default: only `data:image/` URLs. */
  readonly allowRemoteImages?: boolean;
}

const MAX_DEPTH = 64;
const MAX_CHOICES = 128;
const MAX_FIELDS: readonly MaxField[] = ['max_tokens', 'max_completion_tokens'];

/** Fields whose meaning must not depend on who reads them. */
const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  'model',
  'messages',
  'stream',
  'stream_options',
  'n',
  'functions',
  ...MAX_FIELDS,
  ...PRICE_BEARING,
]);

/**
 * Reads the body of `POST /v1/chat/completions`. Throws RouterError `invalid_json`, `duplicate_key` or `invalid_request`, with
 * the field at fault. Fields it does not know are no fault.
 */
export function parseChatRequest(body: Buffer, options: ChatRequestOptions = {}): ChatRequest {
  const { json, scan } = parseBody(body);
  const { messages, images } = readMessages(json['messages'], options.allowRemoteImages ?? false);
  checkToolLists(json);
  const limits = MAX_FIELDS.map((field) => readInteger(json, field, Number.MAX_SAFE_INTEGER));
  const given = limits.filter((limit) => limit !== undefined);
  return {
    body,
    model: readModel(json['model']),
    stream: readBoolean(json, 'stream'),
    n: readInteger(json, 'n', MAX_CHOICES) ?? 1,
    maxOutput: given.length === 0 ? undefined : Math.min(...given),
    maxFields: MAX_FIELDS.filter((_, index) => limits[index] !== undefined),
    includeUsage: asksForUsage(json['stream_options']),
    messageCount: messages.length,
    imageCount: images.count,
    textBytes: body.length - images.dataBytes,
    priceBearing: priceBearing(json),
    spans: scan.spans,
    texts: () => promptTexts(body, messages, scan.spans),
  };
}

function parseBody(body: Buffer): { readonly json: JsonObject; readonly scan: ObjectScan } {
  const json = isUtf8(body) ? parseJson(body.toString()) : undefined;
  if (json === undefined) throw new RouterError('invalid_json', 'The body is not JSON in UTF-8.');
  if (!isObject(json)) throw new RouterError('invalid_request', 'The body must be an object.');
  const scan = scanObject(body);
  if (scan.depth > MAX_DEPTH) {
    const message = `The body must not be nested more than ${MAX_DEPTH} levels deep.`;
    throw new RouterError('invalid_request', message);
  }
  // What stands twice would be priced by its last value and could be served by its first.
  if (countKeys(json) !== scan.keys) {
    throw new RouterError('duplicate_key', 'A key stands twice in one object of the body.');
  }
  for (const { key } of scan.spans) refuseOtherSpelling(key);
  return { json, scan };
}

/** Some upstreams (those written in Go) read `Max_Tokens`, and even `max_to\u212Aens`, as `max_tokens`. */
function refuseOtherSpelling(key: string): void {
  const folded = key.toUpperCase().toLowerCase();
  if (folded === key || !KNOWN_FIELDS.has(folded)) return;
  throw new RouterError('invalid_request', `Spell it ${folded}.`, { param: folded });
}

function readModel(value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw fault('model', 'must be a string that is not empty');
}

/** As in OpenAI's API, null means: not given. */
function readBoolean(json: JsonObject, field: string): boolean {
  const value = json[field] ?? false;
  if (typeof value === 'boolean') return value;
  throw fault(field, 'must be true or false');
}

function readInteger(json: JsonObject, field: string, max: number): number | undefined {
  const value = json[field] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= max) {
    return value;
  }
  throw fault(field, `must be a whole number from 1 to ${max}`);
}

function asksForUsage(value: unknown): boolean {
  const options = value ?? {};
  if (!isObject(options)) throw fault('stream_options', 'must be an object');
  return readBoolean(options, 'include_usage');
}

function checkToolLists(json: JsonObject): void {
  for (const field of ['tools', 'functions']) {
    const value = json[field] ?? [];
    if (!Array.isArray(value) || !value.every(isObject)) {
      throw fault(field, 'must be a list of objects');
    }
  }
}

function fault(field: string, message: string): RouterError {
  return new RouterError('invalid_request', `${field} ${message}.`, { param: field });
}
