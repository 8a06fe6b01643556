import type { NostrEvent } from '../../nostr/event.ts';

/** What became of an announcement or a retirement, by relay. Immutable. */
export interface AnnounceReport {
  /** `withheld`: nothing was sent, `why` says what stands against it. */
  readonly outcome: 'announced' | 'retired' | 'withheld';
  readonly why: string | undefined;
  readonly event: NostrEvent | undefined;
  readonly relays: readonly RelayReport[];
}

/**
 * `sending`: no answer yet. `held`: the relay gave it back when asked. `accepted`: it said so, and could not be asked yet.
 * `write-only`: it said so and does not give it back. `superseded`: it holds a newer one, that we did not send. `failed`: tried
 * again later. `refused`: not tried again before the event changes.
 */
export type PostState =
  | 'sending'
  | 'held'
  | 'accepted'
  | 'write-only'
  | 'superseded'
  | 'failed'
  | 'refused';

export interface RelayReport {
  readonly relay: string;
  readonly state: PostState;
  /** The relay's words, or ours where it said nothing. */
  readonly message: string;
  /** Unix ms. */
  readonly atMs: number;
}
