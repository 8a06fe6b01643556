/** Who we are, as `/v1/info` tells it. */
export interface NodeDescription {
  readonly name: string;
  readonly about: string;
  /** The package's version. */
  readonly version: string;
  /** Where payers reach us, when that is configured. */
  readonly url: string | undefined;
  /** Our onion service. */
  readonly onion: string | undefined;
  /** Our Nostr key, by which an announcement of this address is told from a stranger's; undefined without one. */
  readonly npub: string | undefined;
  readonly mints: readonly string[];
}
