/** Prices per token or per piece. */
export interface ModelPrices {
  readonly input: number;
  readonly cachedInput: number;
  readonly output: number;
  readonly reasoning: number;
  readonly image: number;
  readonly request: number;
  /** No request costs less. */
  readonly minimum?: number;
}

export interface ModelFacts {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly contextLength: number;
  readonly maxOutput: number | undefined;
  readonly takesImages: boolean;
  /** The highest of all. */
  readonly usd: ModelPrices;
  readonly sat: ModelPrices;
  /** Ids of those who serve it, the cheapest first. */
  readonly providers: readonly string[];
  /** Of the cheapest of them. */
  readonly lowestSat: ModelPrices;
  /** The most that one request can be asked to hold, in sat. */
  readonly maxCostSat: {
    readonly prompt: number;
    readonly completion: number;
    readonly total: number;
  };
}

export type ModelItem = Readonly<Record<string, unknown>> & { readonly id: string };

/** So many providers are named, and so many in `owned_by`, which clients show in one line. */
const MAX_PROVIDERS = 20;
const MAX_OWNERS = 5;

/**
 * An entry of `/v1/models` with every field that some client cannot do without. Prices are numbers, never null; `pricing` and
 * `sats_pricing` are the highest that a request can be charged, and `nutroute` tells the range.
 */
export function modelItem(facts: ModelFacts): ModelItem {
  const { id, name, contextLength, maxOutput, maxCostSat, providers } = facts;
  return {
    id,
    object: 'model',
    name,
    description: facts.description,
    created: facts.created,
    owned_by: ownedBy(providers),
    canonical_slug: id,
    alias_ids: [],
    enabled: true,
    context_length: contextLength,
    architecture: {
      modality: facts.takesImages ? 'text+image->text' : 'text->text',
      input_modalities: facts.takesImages ? ['text', 'image'] : ['text'],
      output_modalities: ['text'],
      tokenizer: 'Other',
      instruct_type: null,
    },
    pricing: pricing(facts.usd),
    sats_pricing: {
      ...pricing(facts.sat),
      max_prompt_cost: maxCostSat.prompt,
      max_completion_cost: maxCostSat.completion,
      max_cost: maxCostSat.total,
    },
    top_provider: {
      context_length: contextLength,
      max_completion_tokens: maxOutput ?? null,
      is_moderated: false,
    },
    per_request_limits: null,
    // In msat. Without it the otrta client pays 65 sat for every request.
    min_cost_per_request: Math.ceil(maxCostSat.total * 1000),
    nutroute: {
      upstreams: providers.length,
      lowest: pricing(facts.lowestSat),
      highest: pricing(facts.sat),
      providers: providers.slice(0, MAX_PROVIDERS),
    },
  };
}

function ownedBy(providers: readonly string[]): string {
  const named = providers.slice(0, MAX_OWNERS).join(',');
  return providers.length > MAX_OWNERS ? `${named},...` : named;
}

function pricing(prices: ModelPrices): Readonly<Record<string, number>> {
  return {
    prompt: prices.input,
    completion: prices.output,
    request: prices.request,
    minimum: prices.minimum ?? 0,
    image: prices.image,
    web_search: 0,
    internal_reasoning: prices.reasoning,
    input_cache_read: prices.cachedInput,
    input_cache_write: 0,
  };
}
