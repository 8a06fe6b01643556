import { isObject, itemsOf } from './json-object.ts';
import type { JsonObject } from './json-object.ts';

/** What a server says of one of its models. Prices are decimal texts that nobody has checked yet. */
export interface ListedModel {
  readonly id: string;
  readonly name: string | undefined;
  readonly contextLength: number | undefined;
  readonly maxOutput: number | undefined;
  /** USD per token or piece: OpenRouter's and Routstr's `pricing`. */
  readonly usdPerToken: ListedPrices | undefined;
  /** Sat per token or piece: Routstr's `sats_pricing`. Where both are told, this one is what the node charges. */
  readonly satPerToken: ListedPrices | undefined;
}

export interface ListedPrices {
  readonly input: string;
  readonly output: string;
  readonly cachedInput: string | undefined;
  readonly reasoning: string | undefined;
  readonly image: string | undefined;
  readonly request: string | undefined;
  /** No request costs less. nutroute's own word; others have none. */
  readonly minimum?: string | undefined;
}

const MAX_MODELS = 5000;
const MAX_ID_LENGTH = 200;
const MAX_PRICE_LENGTH = 40;
const MAX_TOKENS = 100_000_000;

/**
 * Reads `GET /models` as OpenAI, OpenRouter, vLLM, Ollama, llama.cpp and Routstr nodes answer it. Faulty entries are left out,
 * and all but the first of an id: two prices of one model would be one to be chosen by and one to be charged by.
 */
export function readModels(json: unknown): readonly ListedModel[] {
  const items = isObject(json) ? json['data'] : json;
  const models = new Map<string, ListedModel>();
  for (const model of itemsOf(items).slice(0, MAX_MODELS).filter(isObject).flatMap(readModel)) {
    if (!models.has(model.id)) models.set(model.id, model);
  }
  return [...models.values()];
}

function readModel(item: JsonObject): readonly ListedModel[] {
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
      satPerToken: pricesOf(objectOf(item['sats_pricing'])),
    },
  ];
}

function pricesOf(pricing: JsonObject): ListedPrices | undefined {
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
    minimum: priceOf(pricing['minimum']),
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
