import { countOf, isRecord, listOf, parseJson, textOf } from '../json.ts';
import type { JsonRecord } from '../json.ts';

export interface ToolSpec {
  readonly name: string;
  /** JSON Schema of the arguments. */
  readonly parameters: JsonRecord;
}

/** What the model server understands of a chat completion request. */
export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly JsonRecord[];
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly choices: number;
  readonly maxTokens: number | undefined;
  readonly tools: readonly ToolSpec[];
  readonly toolChoice: 'none' | 'auto' | 'required' | { readonly name: string };
  /** The text of `tools`, for counting. */
  readonly toolsText: string;
}

/** A request that OpenAI would refuse with 400, and the field at fault. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest';
  readonly param: string | null;

  constructor(message: string, param: string | null) {
    super(message);
    this.param = param;
  }
}

/** Throws `BadRequest`. */
export function parseChatRequest(text: string): ChatRequest {
  const body = parseJson(text);
  if (!isRecord(body)) throw new BadRequest('the body must be a JSON object', null);
  const model = textOf(body['model']);
  if (model === undefined) throw new BadRequest('you must provide a model parameter', 'model');
  const stream = parseFlag(body, 'stream');
  const options = body['stream_options'];
  if (isRecord(options) && !stream) {
    throw new BadRequest('stream_options is only allowed with stream', 'stream_options');
  }
  return {
    model,
    messages: parseMessages(body['messages']),
    stream,
    includeUsage: isRecord(options) && options['include_usage'] === true,
    choices: parseChoices(body['n']),
    maxTokens: parseLimit(body, 'max_completion_tokens') ?? parseLimit(body, 'max_tokens'),
    tools: parseTools(body['tools']),
    toolChoice: parseToolChoice(body['tool_choice']),
    toolsText: body['tools'] === undefined ? '' : JSON.stringify(body['tools']),
  };
}

/** The text of a message's content; parts that are no text are left out. */
export function contentText(message: JsonRecord): string {
  const content = message['content'];
  if (typeof content === 'string') return content;
  const parts = listOf(content) ?? [];
  return parts.map((part) => (isRecord(part) ? (textOf(part['text']) ?? '') : '')).join('');
}

function parseMessages(value: unknown): readonly JsonRecord[] {
  const messages = listOf(value);
  if (messages === undefined || messages.length === 0) {
    throw new BadRequest('messages must be a non-empty array', 'messages');
  }
  return messages.map((message) => {
    if (!isRecord(message) || textOf(message['role']) === undefined) {
      throw new BadRequest('a message must be an object with a role', 'messages');
    }
    return message;
  });
}

function parseFlag(body: JsonRecord, name: string): boolean {
  const value = body[name] ?? false;
  if (typeof value !== 'boolean') throw new BadRequest(`${name} must be a boolean`, name);
  return value;
}

function parseChoices(value: unknown): number {
  const choices = countOf(value ?? 1);
  if (choices === undefined || choices < 1 || choices > 128) {
    throw new BadRequest('n must be from 1 to 128', 'n');
  }
  return choices;
}

function parseLimit(body: JsonRecord, name: string): number | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  const limit = countOf(value);
  if (limit === undefined || limit < 1) {
    throw new BadRequest(`${name} must be a positive integer`, name);
  }
  return limit;
}

function parseTools(value: unknown): readonly ToolSpec[] {
  if (value === undefined || value === null) return [];
  const tools = listOf(value);
  if (tools === undefined) throw new BadRequest('tools must be an array', 'tools');
  return tools.map((tool) => {
    const spec = isRecord(tool) ? tool['function'] : undefined;
    const name = isRecord(spec) ? textOf(spec['name']) : undefined;
    if (!isRecord(spec) || name === undefined) {
      throw new BadRequest('a tool must be a function with a name', 'tools');
    }
    const parameters = spec['parameters'];
    return { name, parameters: isRecord(parameters) ? parameters : {} };
  });
}

function parseToolChoice(value: unknown): ChatRequest['toolChoice'] {
  if (value === undefined || value === null || value === 'auto') return 'auto';
  if (value === 'none' || value === 'required') return value;
  const chosen = isRecord(value) && isRecord(value['function']) ? value['function'] : undefined;
  const name = chosen === undefined ? undefined : textOf(chosen['name']);
  if (name === undefined) throw new BadRequest('tool_choice is not understood', 'tool_choice');
  return { name };
}
