import type { Wishes } from './preferences.ts';

/** What the choice of an offer depends on in a request. Token counts are not negative. */
export interface Wanted {
  /** Of the prompt, nearly: to compare prices and contexts. */
  readonly inputTokens: number;
  /** More than the prompt can have. */
  readonly boundTokens: number;
  /** Its own limit of the output tokens of one choice. */
  readonly maxOutput: number | undefined;
  /** How many answers it asks for, at least 1. */
  readonly choices: number;
  readonly images: number;
  /** It names images that the upstream would have to fetch. */
  readonly remoteImages: boolean;
  /** How many routers it has passed already. */
  readonly hops: number;
  readonly wishes: Wishes;
}
