import type { Operation } from '../store/operation.ts';

/** The router's own money: what it earned and what its operator put in. Only this is ever spent for the router itself (S3). */
export interface Treasury {
  balance(): Promise<readonly { mint: string; sat: bigint; coins: bigint }[]>;
  /** Swaps an operator's token into the treasury; the sat that came in. */
  receive(text: string): Promise<bigint>;
  /** A token of exactly `sat` from the treasury; its coins are given for good. */
  send(sat: bigint, mintUrl: string | undefined): Promise<string>;
  /** The token that `send` gave last, again: for when its answer was lost. Undefined when nothing was ever sent. */
  lastSent(): Promise<string | undefined>;

  /**
   * Sat that may be spent at a mint now, from memory: right after every commit of the treasury itself, and within a second of a
   * payment that left it something. 0 for a mint that is away or not configured.
   */
  freeAt(mintUrl: string): bigint;
  /** Tells whenever what `freeAt` says of some mint has changed. */
  onChange(listener: () => void): void;
  /**
   * Cuts a token worth exactly `sat` (above 0) for a node. The coins are given, booked `treasury` -> `node:<node>`, and what
   * `record` writes is written, in ONE transaction, on disk when the promise resolves. When `record` throws, nothing is given and
   * its error is thrown from here. Where no coins fit, coins are split at the mint first (its fee is ours: `treasury` ->
   * `router_fee`). Undefined when the mint has not that much. Rejects with RouterError where a split is needed and the mint does
   * not make it.
   */
  spend<T>(order: SpendOrder<T>): Promise<Spent<T> | undefined>;
  /** The token of an earlier `spend`, the same text: made again from its coins, since no secret is stored. Rejects for an unknown id. */
  spentToken(id: bigint): Promise<string>;
  /**
   * Swaps change that a node gave back into the treasury. Idempotent by the coins: the same coins for the same purchase give the
   * same outcome, and for another purchase `spent`. Journaled like every swap: after a crash it is booked with nobody waiting, if
   * the mint had made it; else the next call with the same text sends it again. Booked `node:<node>` -> `treasury` by the token's
   * worth and `treasury` -> `router_fee` by the mint's fee, with what `onCollected` writes, in one transaction. Rejects only when
   * the database fails.
   */
  collect(change: Change): Promise<Collected>;
  /** What a collected token writes beside the books. Set once, before `start`. */
  onCollected(write: (collected: CollectedChange) => Operation<void>): void;

  /** Swaps many small coins for few, at every mint where that is worth its fee; how many swaps were made. */
  consolidate(): Promise<number>;
  /** Knows what is free, and keeps knowing; consolidates now and then. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface SpendOrder<T> {
  readonly mintUrl: string;
  readonly sat: bigint;
  /** Key of the node in the books. */
  readonly node: string;
  readonly record: (spending: Spending) => Operation<T>;
}

export interface Spending {
  /** For `spentToken`. */
  readonly id: bigint;
  /** What the mint took for making coins that fit; already booked. */
  readonly feeSat: bigint;
}

export interface Spent<T> extends Spending {
  readonly token: string;
  /** What `record` returned. */
  readonly result: T;
}

export interface Change {
  readonly text: string;
  readonly node: string;
  /** Which purchase it comes from, in the caller's numbering. */
  readonly reference: bigint;
}

export type Collected =
  | { readonly kind: 'applied'; readonly grossSat: bigint; readonly feeSat: bigint }
  /** For good. `invalid`: malformed, locked, of another unit, worth no more than its fee, or not signed by its mint. */
  | { readonly kind: 'refused'; readonly why: 'spent' | 'invalid' | 'foreign mint' }
  /** Nobody knows yet, or nothing could be asked: keep the text and call again. `unknown keyset`: its mint answers, but tells none. */
  | { readonly kind: 'later'; readonly why?: 'unknown keyset' };

export interface CollectedChange {
  readonly node: string;
  readonly reference: bigint;
  /** Worth of the token; `grossSat - feeSat` came in. */
  readonly grossSat: bigint;
  readonly feeSat: bigint;
}
