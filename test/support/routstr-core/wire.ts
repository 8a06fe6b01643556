import type { ServerResponse } from 'node:http';

/** Prices of the fake node, msat per token. */
export interface CorePrices {
  readonly promptMsat: number;
  readonly completionMsat: number;
}

/** An entry of core's `/v1/models`: sat per token, no `object`, no `owned_by`. */
export function coreModel(id: string, prices: CorePrices, maxOutput: number): object {
  const sats = {
    prompt: prices.promptMsat / 1000,
    completion: prices.completionMsat / 1000,
    request: 0,
    image: 0,
    web_search: 0,
    internal_reasoning: 0,
    input_cache_read: 0,
    input_cache_write: 0,
  };
  const context = 131_072;
  const maxPrompt = (context * prices.promptMsat) / 1000;
  const maxCompletion = (maxOutput * prices.completionMsat) / 1000;
  const costs = { max_prompt_cost: maxPrompt, max_completion_cost: maxCompletion };
  const usd = Object.fromEntries(Object.entries(sats).map(([name, sat]) => [name, sat * 0.001]));
  return {
    id,
    name: id,
    created: 1_700_000_000,
    description: id,
    context_length: context,
    architecture: {
      modality: 'text->text',
      input_modalities: ['text'],
      output_modalities: ['text'],
      tokenizer: 'GPT',
      instruct_type: null,
    },
    pricing: usd,
    sats_pricing: { ...sats, ...costs, max_cost: maxPrompt + maxCompletion },
    per_request_limits: null,
    top_provider: {
      context_length: context,
      max_completion_tokens: maxOutput,
      is_moderated: null,
    },
    enabled: true,
    upstream_provider_id: 'generic',
    canonical_slug: null,
    alias_ids: null,
    forwarded_model_id: null,
  };
}

export interface CoreUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
}

/** The cost block that core adds to answers. */
export function costBlock(usage: CoreUsage, prices: CorePrices): { readonly total_msats: number } {
  const input = usage.prompt_tokens * prices.promptMsat;
  const output = usage.completion_tokens * prices.completionMsat;
  const cost = {
    base_msats: 0,
    input_msats: input,
    output_msats: output,
    total_msats: Math.ceil(input + output),
    cache_read_input_tokens: 0,
    cache_creation_input_tokens: 0,
    cache_read_msats: 0,
    cache_creation_msats: 0,
    total_usd: 0,
  };
  return cost;
}

/** Shape A of core's errors. */
export function refuse(
  response: ServerResponse,
  status: number,
  said: { readonly type: string; readonly code: string; readonly message: string },
): void {
  const error = { message: said.message, type: said.type, code: said.code };
  sendJson(response, status, { detail: { error }, error, request_id: 'core' });
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}
