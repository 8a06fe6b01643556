import type { PriceSnapshot } from '../pricing/snapshot.ts';
import type { Breaker } from '../upstream/breaker.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** A model at one provider, at a price. Immutable. */
export interface Offer {
  readonly provider: string;
  readonly upstream: Upstream;
  readonly breaker: Breaker;
  /** The provider's own name of the model. */
  readonly upstreamModel: string;
  /** What payers are charged: the cost with our markup, and what it costs to buy the answer. */
  readonly snapshot: PriceSnapshot;
  /** What the upstream asks of us, before any markup. */
  readonly cost: PriceSnapshot;
  /** What payers are charged for an ordinary request at most, in msat: 1,000 tokens of prompt and 500 of answer. */
  readonly nominalMsat: number;
  /** It may be sold for less than it costs us. */
  readonly belowCost: boolean;
  /** How far its operator is trusted, 0 to 1, in twentieths; configured upstreams: 1. */
  readonly trust: number;
  /** Tokens of prompt and answer together, where known. */
  readonly contextLength: number | undefined;
  /** The most output tokens of one choice that the provider gives, where known. */
  readonly maxOutput: number | undefined;
  /** What we ask it for at most where that is unknown. */
  readonly assumedMaxOutput: number;
  /** The field that tells the provider a limit which the payer did not send. */
  readonly maxOutputField: 'max_tokens' | 'max_completion_tokens';
  readonly allowRemoteImages: boolean;
  /** Until the first byte: of a stream, and of an answer in one piece. */
  readonly firstByteTimeoutMs: number;
  readonly answerTimeoutMs: number;
}

/** A model as payers see it. Immutable, replaced as a whole when a price changes. */
export interface ServedModel {
  readonly id: string;
  readonly name: string;
  /** Of each provider one, the nominally cheapest first; of equal ones the provider that was named first. */
  readonly offers: readonly [Offer, ...Offer[]];
  /** Prices that no usual offer exceeds: the highest of each. */
  readonly dearest: PriceSnapshot;
}
