import type { ListedModel } from '../openai/model-list.ts';
import type { PriceConfig } from '../pricing/price-list.ts';
import type { Breaker } from '../upstream/breaker.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** A provider with its live upstream: configured, or a node that was discovered. Decimals as in providers.json. */
export interface CatalogSource {
  readonly id: string;
  readonly baseUrl: string;
  readonly markup: string;
  readonly belowCost: boolean;
  /** How far its operator is trusted, 0 to 1. When it changes, no price is made anew. */
  readonly trust: number;
  /** `*`: the upstream's own list. */
  readonly models: '*' | readonly ConfiguredModel[];
  /** The upstream's own list, as somebody else keeps it; the same array until it changes. Without it the catalog asks the upstream. */
  readonly listed?: (() => readonly ListedModel[] | undefined) | undefined;
  /** For models without a price of their own; undefined: the upstream's own prices. */
  readonly price: 'list' | PriceConfig | undefined;
  readonly maxOutputField: 'max_tokens' | 'max_completion_tokens';
  readonly allowRemoteImages: boolean;
  readonly timeouts: { readonly firstByteMs: number; readonly answerMs: number };
  readonly upstream: Upstream;
  readonly breaker: Breaker;
}

export interface ConfiguredModel {
  /** The name payers use. */
  readonly id: string;
  readonly upstreamId: string;
  readonly name: string | undefined;
  readonly context: number | undefined;
  readonly maxOutput: number | undefined;
  readonly price: 'list' | PriceConfig | undefined;
}
