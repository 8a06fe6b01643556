import type { Log } from '../lib/log.ts';
import type { RelayLink, RelayStatus } from '../nostr/relay-link.ts';
import { createRelayReader } from './relay-reader.ts';
import type { RelayReader, RelayReaderParts } from './relay-reader.ts';

/** All relays, read side by side into the registry: what one withholds, another tells. */
export interface Feed {
  /** Returns at once; the relays answer when they do. */
  start(): void;
  /** Closes the links. */
  stop(): Promise<void>;
  relays(): readonly RelayStatus[];
}

export interface FeedParts extends RelayReaderParts {
  readonly open: () => Promise<readonly RelayLink[]>;
  readonly log: Log;
}

export function createFeed(parts: FeedParts): Feed {
  let links: readonly RelayLink[] = [];
  let readers: readonly RelayReader[] = [];
  let opening: Promise<void> | undefined;
  let isStopped = false;
  const open = async (): Promise<void> => {
    try {
      links = await parts.open();
    } catch (cause) {
      parts.log.error({ event: 'relays_not_opened', err: cause }, 'no relay can be read');
    }
    if (isStopped) return;
    readers = links.map((link) => createRelayReader(link, parts));
    for (const reader of readers) reader.start();
  };
  return {
    start: () => void (opening ??= open()),
    async stop() {
      isStopped = true;
      await opening;
      for (const reader of readers) reader.stop();
      await Promise.all(links.map((link) => link.close()));
    },
    relays: () => links.map(({ status }) => status),
  };
}
