import type { Track } from './track.ts';

/** How much each thing counts in the choice of an offer: 0 not at all, 1 in full. */
export interface RoutingWeights {
  readonly price: number;
  readonly latency: number;
  readonly reliability: number;
  readonly trust: number;
}

export type RoutingPreset = 'balanced' | 'price' | 'speed' | 'trust';

export const PRESETS: Readonly<Record<RoutingPreset, RoutingWeights>> = {
  balanced: { price: 1, latency: 0.5, reliability: 1, trust: 1 },
  price: { price: 1, latency: 0.1, reliability: 0.5, trust: 0.3 },
  speed: { price: 0.3, latency: 1, reliability: 1, trust: 0.5 },
  trust: { price: 0.3, latency: 0.2, reliability: 1, trust: 1 },
};

/** An answer of common length: `price` expects it, and so does the time an answer takes. */
export const COMMON_OUTPUT_TOKENS = 400;

/** What nobody has seen yet is taken for common. */
const COMMON_FIRST_BYTE_MS = 1_000;
const COMMON_TOKENS_PER_S = 50;
const UNTRIED_SUCCESS = 0.8;
/** The least trust that counts: what has none is no candidate at all. */
const LEAST_TRUST = 0.01;

export interface Scored {
  /** What the request is expected to cost, in msat. */
  readonly price: number;
  /** Added to every price, so that what is free, and never works, is not the best for ever. Above zero. */
  readonly base: number;
  /** 0 to 1. */
  readonly trust: number;
  readonly track: Track | undefined;
}

/** How dear an answer is, all told: its price, times the time it takes, over how likely it is to come. Lower is better. */
export function scoreOf({ price, base, trust, track }: Scored, weights: RoutingWeights): number {
  const seconds =
    (track?.firstByteMs ?? COMMON_FIRST_BYTE_MS) / 1000 +
    COMMON_OUTPUT_TOKENS / (track?.tokensPerS ?? COMMON_TOKENS_PER_S);
  const dear = (price + base) ** weights.price * (1 + seconds) ** weights.latency;
  const good =
    (track?.success ?? UNTRIED_SUCCESS) ** weights.reliability *
    Math.max(trust, LEAST_TRUST) ** weights.trust;
  return dear / good;
}
