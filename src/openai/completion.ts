import { parseAnswer } from './answer-json.ts';
import { addAnswerTexts } from './answer-texts.ts';
import { applyEdits, memberEdit } from './byte-edits.ts';
import { withoutCost } from './cost-fields.ts';
import type { CostFields } from './cost-fields.ts';
import { isObject, objectsOf } from './json-object.ts';
import type { JsonObject } from './json-object.ts';
import { scanObject } from './json-spans.ts';
import { readUpstreamError } from './upstream-error.ts';
import type { UpstreamError } from './upstream-error.ts';
import { WireError } from './wire-error.ts';

/** A complete answer. */
export interface Completion {
  /** As it was received, but for any money that was in it. */
  readonly body: Buffer;
  readonly usage: JsonObject | undefined;
  /** The answer is `{"error": ...}` under status 200. */
  readonly error: UpstreamError | undefined;
  /** Content, reasoning, refusals, names and arguments of calls. Made anew by each call. */
  texts(): readonly string[];
}

export interface CompletionEnd {
  /** The upstream's usage object, or `usageFields` of our own count. */
  readonly usage: JsonObject;
  readonly cost: CostFields;
  /** A change token that does not travel in a header. */
  readonly xCashu?: string | undefined;
}

/** Throws WireError when `body` is neither a chat completion nor an error object. */
export function readCompletion(body: Buffer): Completion {
  const answer = parseAnswer(body.toString());
  if (answer === undefined) throw new WireError('the answer is no JSON object');
  const { json, cleaned } = answer;
  const isError = json['error'] !== undefined && json['error'] !== null;
  if (!isError && !Array.isArray(json['choices'])) {
    throw new WireError('the answer is no chat completion');
  }
  return {
    body: cleaned === undefined ? body : Buffer.from(cleaned),
    usage: isObject(json['usage']) ? json['usage'] : undefined,
    error: isError ? readUpstreamError(json) : undefined,
    texts: () => textsOf(json),
  };
}

/** The answer with usage, cost and change in it; all other bytes stay as they are. */
export function spliceCompletion({ body }: Completion, end: CompletionEnd): Buffer {
  const { spans } = scanObject(body);
  const members: Record<string, unknown> = { usage: { ...withoutCost(end.usage), ...end.cost } };
  if (end.xCashu !== undefined) members['x_cashu'] = end.xCashu;
  const edits = Object.entries(members).map(([key, value]) =>
    memberEdit(body, spans, { key, json: JSON.stringify(value) }),
  );
  return applyEdits(body, edits);
}

function textsOf(json: JsonObject): readonly string[] {
  const texts: string[] = [];
  for (const { message } of objectsOf(json['choices'])) {
    if (isObject(message)) addAnswerTexts(message, (_field, text) => texts.push(text));
  }
  return texts;
}
