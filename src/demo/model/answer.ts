import { createHash } from 'node:crypto';

import { isRecord, listOf, textOf } from '../json.ts';
import { contentText } from './chat-request.ts';
import type { ChatRequest, ToolSpec } from './chat-request.ts';
import { tellStory } from './story.ts';

export type CountTokens = (text: string) => Promise<number>;

export interface Choice {
  /** One token per piece. */
  readonly reasoning: readonly string[];
  readonly text: readonly string[];
  readonly toolCall:
    | { readonly id: string; readonly name: string; readonly args: string }
    | undefined;
  readonly finish: 'stop' | 'length' | 'tool_calls';
}

export interface Answer {
  readonly choices: readonly Choice[];
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly reasoningTokens: number;
}

/** OpenAI's own accounting of chat messages: a frame per message, and the start of the answer. */
const TOKENS_PER_MESSAGE = 3;
const TOKENS_OF_PRIMING = 3;
const TOKENS_PER_IMAGE = 85;

/** The answer to a request: the same for the same request, however it is sent. */
export async function composeAnswer(
  request: ChatRequest,
  wanted: { readonly answerTokens: number; readonly reasoningTokens: number },
  countTokens: CountTokens,
): Promise<Answer> {
  const seed = createHash('sha256').update(JSON.stringify(request.messages)).digest('hex');
  const tool = chooseTool(request);
  const choices = Array.from({ length: request.choices }, (_, index) =>
    tool === undefined
      ? composeText(`${seed}/${index}`, wanted, request.maxTokens)
      : composeToolCall(`${seed}/${index}`, tool),
  );
  let completionTokens = 0;
  let reasoningTokens = 0;
  for (const choice of choices) {
    reasoningTokens += choice.reasoning.length;
    completionTokens += choice.reasoning.length + choice.text.length;
    if (choice.toolCall !== undefined) {
      completionTokens += await countTokens(choice.toolCall.name + choice.toolCall.args);
    }
  }
  const promptTokens = await countPrompt(request, countTokens);
  return { choices, promptTokens, completionTokens, reasoningTokens };
}

function composeText(
  seed: string,
  wanted: { readonly answerTokens: number; readonly reasoningTokens: number },
  maxTokens: number | undefined,
): Choice {
  const thought = tellStory(`${seed}/thought`, wanted.reasoningTokens);
  const told = tellStory(seed, wanted.answerTokens);
  const limit = maxTokens ?? Infinity;
  const reasoning = thought.slice(0, limit);
  return {
    reasoning,
    text: told.slice(0, limit - reasoning.length),
    toolCall: undefined,
    finish: thought.length + told.length > limit ? 'length' : 'stop',
  };
}

function composeToolCall(seed: string, tool: ToolSpec): Choice {
  const id = `call_${createHash('sha256').update(seed).digest('hex').slice(0, 24)}`;
  const args = JSON.stringify(exampleOf(tool.parameters, 0));
  return { reasoning: [], text: [], toolCall: { id, name: tool.name, args }, finish: 'tool_calls' };
}

/** A tool is called when the request demands it, or when the last message is the payer's and speaks of the weather. */
function chooseTool(request: ChatRequest): ToolSpec | undefined {
  const { toolChoice, tools } = request;
  if (toolChoice === 'none') return undefined;
  if (typeof toolChoice === 'object') return tools.find(({ name }) => name === toolChoice.name);
  const last = request.messages.at(-1);
  const asked = last?.['role'] === 'user' && /weather/i.test(contentText(last));
  return toolChoice === 'required' || asked ? tools[0] : undefined;
}

const MAX_SCHEMA_DEPTH = 8;
const EXAMPLES: Readonly<Record<string, unknown>> = {
  string: 'Lisbon',
  number: 21,
  integer: 21,
  boolean: true,
  null: null,
};

function exampleOf(schema: unknown, depth: number): unknown {
  if (!isRecord(schema) || depth > MAX_SCHEMA_DEPTH) return {};
  const allowed = listOf(schema['enum']);
  if (allowed !== undefined) return allowed[0];
  const type = schema['type'];
  if (type === 'array') return [exampleOf(schema['items'], depth + 1)];
  if (typeof type === 'string' && type in EXAMPLES) return EXAMPLES[type];
  const properties = isRecord(schema['properties']) ? schema['properties'] : {};
  return Object.fromEntries(
    Object.entries(properties).map(([name, inner]) => [name, exampleOf(inner, depth + 1)]),
  );
}

async function countPrompt(request: ChatRequest, countTokens: CountTokens): Promise<number> {
  let tokens = TOKENS_OF_PRIMING;
  for (const message of request.messages) {
    tokens += TOKENS_PER_MESSAGE;
    const calls = message['tool_calls'] === undefined ? '' : JSON.stringify(message['tool_calls']);
    const text = `${textOf(message['role']) ?? ''} ${contentText(message)}${calls}`;
    tokens += await countTokens(text);
    tokens += countImages(message['content']) * TOKENS_PER_IMAGE;
  }
  return request.toolsText === '' ? tokens : tokens + (await countTokens(request.toolsText));
}

function countImages(content: unknown): number {
  const parts = listOf(content) ?? [];
  return parts.filter((part) => isRecord(part) && part['type'] === 'image_url').length;
}
