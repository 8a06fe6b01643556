import { isObject, objectsOf } from './json-object.ts';
import type { JsonObject } from './json-object.ts';

/** Takes a text that was generated; `field` tells texts apart that do not continue each other. */
export type AddText = (field: string, text: string) => void;

/** Gives every text that the model generated for a `message` or a `delta`, each once. */
export function addAnswerTexts(message: JsonObject, add: AddText): void {
  addText('content', message['content'], add);
  addText('refusal', message['refusal'], add);
  addReasoning(message, add);
  for (const [position, call] of objectsOf(message['tool_calls']).entries()) {
    const index = typeof call['index'] === 'number' ? call['index'] : position;
    addCall(`tool_calls/${index}`, call['function'], add);
    addCall(`tool_calls/${index}`, call['custom'], add);
  }
  addCall('function_call', message['function_call'], add);
}

/** Upstreams name it differently, and some send the same text under two names. */
function addReasoning(message: JsonObject, add: AddText): void {
  for (const field of ['reasoning', 'reasoning_content', 'reasoning_details']) {
    if (addText('reasoning', message[field], add)) return;
  }
}

/** A text, or a list of parts with texts. Tells whether there was one. */
function addText(field: string, value: unknown, add: AddText): boolean {
  if (typeof value === 'string') {
    if (value !== '') add(field, value);
    return value !== '';
  }
  let found = false;
  for (const part of objectsOf(value)) {
    for (const key of ['text', 'summary', 'thinking']) {
      found = addText(field, part[key], add) || found;
    }
  }
  return found;
}

function addCall(field: string, call: unknown, add: AddText): void {
  if (!isObject(call)) return;
  for (const key of ['name', 'arguments', 'input']) addText(`${field}/${key}`, call[key], add);
}
