import { isObject, itemsOf } from '../../openai/json-object.ts';
import type { JsonObject } from '../../openai/json-object.ts';
import type { UpstreamModel } from '../upstream.ts';

const MAX_MODELS = 5000;
const MAX_ID_LENGTH = 200;
const MAX_PRICE_LENGTH = 40;
const MAX_TOKENS = 100_000_000;

/** Reads `GET /models` as OpenAI, OpenRouter, vLLM, Ollama, llama.cpp and Routstr nodes answer it. Faulty entries are left out. */
export function readModels(json: unknown): readonly UpstreamModel[] {
  const items = isObject(json) ? json['data'] : json;
  return itemsOf(items).slice(0, MAX_MODELS).filter(isObject).flatMap(readModel);
}

function readModel(item: JsonObject): readonly UpstreamModel[] {
  const id = textOf(item['id']);
  if (id === undefined) return [];
  const top = objectOf(item['top_provider']);
  const meta = objectOf(item['meta']);
  return [
    {
      id,
      name: textOf(item['name']),
      contextLength: countOf([
        item['context_length'],
        top['context_length'],
        item['max_model_len'],
        meta['n_ctx_train'],
      ]),
      maxOutput: countOf([top['max_completion_tokens']]),
      usdPerToken: pricesOf(objectOf(item['pricing'])),
    },
  ];
}

function pricesOf(pricing: JsonObject): UpstreamModel['usdPerToken'] {
  const input = priceOf(pricing['prompt']);
  const output = priceOf(pricing['completion']);
  if (input === undefined || output === undefined) return undefined;
  return {
    input,
    output,
    cachedInput: priceOf(pricing['input_cache_read']),
    reasoning: priceOf(pricing['internal_reasoning']),
    image: priceOf(pricing['image']),
    request: priceOf(pricing['request']),
  };
}

/** OpenRouter writes prices as text, Routstr nodes as numbers. */
function priceOf(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && text.length <= MAX_PRICE_LENGTH ? text : undefined;
}

function countOf(candidates: readonly unknown[]): number | undefined {
  return candidates.find(isCount);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0 && Number(value) <= MAX_TOKENS;
}

function textOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '' || value.length > MAX_ID_LENGTH) return undefined;
  return /\p{Cc}/u.test(value) ? undefined : value;
}

function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}
