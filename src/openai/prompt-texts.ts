import { objectsOf } from './json-object.ts';
import type { JsonObject } from './json-object.ts';
import type { Span } from './json-spans.ts';

/** Fields that steer an answer and are no part of the prompt. All others may be: tools, formats, documents, templates. */
const NOT_IN_PROMPT: ReadonlySet<string> = new Set([
  'messages',
  'model',
  'stream_options',
  'stop',
  'logit_bias',
  'metadata',
  'user',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'service_tier',
  'reasoning_effort',
  'verbosity',
  'modalities',
]);

/** What an upstream turns into prompt tokens: every text of the messages, and the JSON of every other field that has text. */
export function promptTexts(
  body: Buffer,
  messages: readonly JsonObject[],
  spans: readonly Span[],
): readonly string[] {
  const texts: string[] = [];
  for (const message of messages) addMessage(message, texts);
  for (const { key, valueStart, valueEnd } of spans) {
    if (NOT_IN_PROMPT.has(key)) continue;
    const json = body.toString('utf8', valueStart, valueEnd);
    if (/^[{["]/.test(json)) texts.push(json);
  }
  return texts;
}

function addMessage(message: JsonObject, texts: string[]): void {
  for (const [field, value] of Object.entries(message)) {
    if (typeof value === 'string') texts.push(value);
    else if (field === 'content') addParts(value, texts);
    else if (value !== null) texts.push(JSON.stringify(value));
  }
}

function addParts(content: unknown, texts: string[]): void {
  for (const part of objectsOf(content)) {
    for (const text of [part['text'], part['refusal']]) {
      if (typeof text === 'string') texts.push(text);
    }
  }
}
