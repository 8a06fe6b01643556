import type { RelayLink, RelayStatus } from '../nostr/relay-link.ts';
import { createRelayReader } from './relay-reader.ts';
import type { RelayReaderParts } from './relay-reader.ts';

/** All relays, read side by side into the registry: what one withholds, another tells. */
export interface Feed {
  /** Returns at once; the relays answer when they do. */
  start(): void;
  /** Closes the links. */
  stop(): Promise<void>;
  relays(): readonly RelayStatus[];
}

export function createFeed(links: readonly RelayLink[], parts: RelayReaderParts): Feed {
  const readers = links.map((link) => createRelayReader(link, parts));
  return {
    start() {
      for (const reader of readers) reader.start();
    },
    async stop() {
      for (const reader of readers) reader.stop();
      await Promise.all(links.map((link) => link.close()));
    },
    relays: () => links.map(({ status }) => status),
  };
}
