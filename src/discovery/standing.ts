/** How far a node is trusted. `blocked`: nothing is bought; the others in rising order. */
export type Level = 'blocked' | 'unknown' | 'proven' | 'good' | 'pinned';

/** What a node's trust allows. Immutable. */
export interface Standing {
  readonly level: Level;
  /** The most that may be at risk with it at any time, in sat. */
  readonly capSat: number;
  /** For the order of candidates, 0 to 1. */
  readonly weight: number;
  /** What it rests on, in words for the operator. */
  readonly why: readonly string[];
}

/** Something that happened with a node and says how far it can be trusted. Amounts in msat. */
export type Observation =
  /** A paid request was answered and charged. `expectedMsat`: by the prices it publishes; undefined where its usage cannot be checked. */
  | {
      readonly kind: 'paid';
      readonly chargedMsat: bigint;
      readonly expectedMsat: bigint | undefined;
    }
  /** It charged more than its published prices, beyond 1 msat and rounding (RIP-05). */
  | {
      readonly kind: 'overcharged';
      readonly chargedMsat: bigint;
      readonly expectedMsat: bigint;
    }
  /** It charged for something that nobody can count: an answer that broke off, or never came, or that it told no usage of. */
  | { readonly kind: 'unchecked'; readonly msat: bigint }
  /** A payer was charged so much for an answer whose charge nobody can count. */
  | { readonly kind: 'covered'; readonly msat: bigint }
  /** What it owed came back. */
  | { readonly kind: 'returned'; readonly msat: bigint }
  /** What it owes has not come back for long, or came back as less. */
  | { readonly kind: 'withheld'; readonly msat: bigint }
  /** It failed to answer: what, in one word. */
  | { readonly kind: 'failed'; readonly what: string };
