/** A provider's announcement (kind 38421, RIP-02) that passed every limit and its signature. Immutable. */
export interface Announcement {
  /** 64 lower-case hex digits. */
  readonly pubkey: string;
  /** The `d` tag; `(pubkey, d)` is what a newer version replaces. */
  readonly d: string;
  readonly id: string;
  /** Unix seconds. */
  readonly createdAt: number;
  /** NIP-40, unix seconds. Routstr's own events have none: absence says nothing. */
  readonly expiresAt: number | undefined;
  /** Base URLs without a trailing slash that the guard would dial, clearnet first; at least one. */
  readonly urls: readonly string[];
  /** Canonical mint URLs, as announced. */
  readonly mints: readonly string[];
  readonly version: string | undefined;
  /** Empty where it tells none; so is `about`. */
  readonly name: string;
  readonly about: string;
}
