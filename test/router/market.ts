import type { ListedModel, ListedPrices } from '../../src/openai/model-list.ts';
import type { CatalogSource, ConfiguredModel } from '../../src/router/catalog-source.ts';
import type { Breaker } from '../../src/upstream/breaker.ts';
import type { Upstream } from '../../src/upstream/upstream.ts';

/** 10,000 sat for a million tokens of input, 20,000 of output: 10 and 20 msat a token. */
export const TEN_TWENTY = { unit: 'sat', input: '10000', output: '20000' } as const;

export function listingUpstream(id: string, list: () => readonly ListedModel[]): Upstream {
  return {
    id,
    onPayerGone: 'cancel',
    buying: undefined,
    models: async () => list(),
    send: () => Promise.reject(new Error('this upstream only lists')),
    close: async () => undefined,
  };
}

export function listed(id: string, more: Partial<ListedModel> = {}): ListedModel {
  return {
    id,
    name: undefined,
    contextLength: undefined,
    maxOutput: undefined,
    usdPerToken: undefined,
    satPerToken: undefined,
    ...more,
  };
}

export function configured(id: string, more: Partial<ConfiguredModel> = {}): ConfiguredModel {
  return {
    id,
    upstreamId: id,
    name: undefined,
    context: undefined,
    maxOutput: undefined,
    price: TEN_TWENTY,
    ...more,
  };
}

export const closedBreaker: Breaker = {
  isResting: false,
  allows: () => true,
  succeeded: () => undefined,
  failed: () => undefined,
};

export function sourceOf(id: string, more: Partial<CatalogSource> = {}): CatalogSource {
  return {
    id,
    baseUrl: 'http://127.0.0.1:1/v1',
    markup: '1',
    belowCost: true,
    trust: 1,
    models: [configured('m')],
    price: undefined,
    maxOutputField: 'max_tokens',
    allowRemoteImages: false,
    timeouts: { firstByteMs: 1_000, answerMs: 1_000 },
    upstream: listingUpstream(id, () => []),
    breaker: closedBreaker,
    ...more,
  };
}

/** So many sat for a token of input or of output. */
export function satPrices(price: number): ListedPrices {
  return {
    input: String(price),
    output: String(price),
    cachedInput: undefined,
    reasoning: undefined,
    image: undefined,
    request: undefined,
  };
}

/** A node whose list discovery keeps, with these models at `price` sat a token. */
export function nodeOf(id: string, models: readonly string[], price = 1): CatalogSource {
  const list = models.map((model) => listed(model, { satPerToken: satPrices(price) }));
  return sourceOf(id, { models: '*', trust: 0.5, listed: () => list });
}
