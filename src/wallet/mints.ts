import type { Keyset } from './keyset.ts';
import type { Lane } from './lane.ts';
import type { MintClient } from './mint-client.ts';

/** A mint that the operator configured. */
export interface Mint {
  readonly id: bigint;
  /** Canonical, without a trailing slash. */
  readonly url: string;
  readonly client: MintClient;
  readonly lane: Lane;
  /** By full id: any keyset of this mint that we know, active or not. Those of other units than sat have no keys. */
  keyset(id: string): Keyset | undefined;
  /** All keysets of this mint whose id is `id` or begins with it (NUT-02 short ids). */
  keysetsMatching(id: string): readonly Keyset[];
  /** The keyset for new coins: active, of latest expiry (none counts as latest), then of lowest fee. */
  active(unit: string): Keyset | undefined;
  /** No request can be sent now: its breaker is open, or it never told us a usable keyset. */
  readonly away: boolean;
  /** When it went away; undefined while it is not. */
  readonly awaySinceMs: number | undefined;
}

/** The configured mints; there are no others. */
export interface Mints {
  readonly all: readonly Mint[];
  /** Any spelling of a URL; undefined for other mints and for what is no URL. */
  byUrl(url: string): Mint | undefined;
  byId(id: bigint): Mint | undefined;
  /** NUT-02 final expiry has passed: the mint owes nothing for these coins. */
  isExpired(keyset: Keyset): boolean;
  /** Asks the mint for its keysets, at most every 10 s (else it resolves at once). Never rejects because of the mint. */
  refresh(mint: Mint): Promise<void>;
  /** Stops the timers and closes the connections. Idempotent. */
  close(): Promise<void>;
}
