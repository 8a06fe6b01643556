import type { NostrEvent } from '../../nostr/event.ts';
import { dropOldest } from '../oldest.ts';
import type { CheckUrl } from './announcement-event.ts';
import { listsNodes, readDirectory } from './directory-event.ts';
import { coordinateOf } from './tags.ts';
import type { Version } from './version.ts';

/** Lists of nodes that strangers publish. Kept in memory only: relays tell them again. */
export interface HintEvents {
  /** Whether the event is such a list. */
  reads(event: NostrEvent): boolean;
  version(coordinate: string): Version | undefined;
  take(event: NostrEvent): void;
  /** The same array until one is added. */
  urls(): readonly string[];
}

const MAX_EVENTS = 500;
const MAX_URLS = 1_000;

export function createHintEvents(checkUrl: CheckUrl): HintEvents {
  const versions = new Map<string, Version>();
  const urls = new Set<string>();
  let list: readonly string[] | undefined;
  return {
    reads: listsNodes,
    version: (coordinate) => versions.get(coordinate),
    take(event) {
      const coordinate = coordinateOf(event);
      versions.delete(coordinate);
      versions.set(coordinate, { id: event.id, createdAt: event.created_at });
      dropOldest(versions, MAX_EVENTS);
      list = undefined;
      for (const url of readDirectory(event, checkUrl)) {
        urls.add(url);
        dropOldest(urls, MAX_URLS);
      }
    },
    urls: () => (list ??= [...urls]),
  };
}
