import type { Log } from '../../lib/log.ts';
import type { EventTemplate, NostrEvent } from '../../nostr/event.ts';
import type { RelayLink } from '../../nostr/relay-link.ts';
import { newestAt } from './newest-event.ts';
import type { OwnEvents } from './own-events.ts';

const RELAY_LIST_KIND = 10_002;

export interface RelayListParts {
  readonly pubkey: string;
  readonly relays: readonly RelayLink[];
  readonly ownEvents: OwnEvents;
  readonly log: Log;
}

/**
 * Publishes the relays that we write to (NIP-65): the same event until they change. A list of the same key that we did not write is
 * its owner's, and left alone.
 */
export async function publishRelayList(parts: RelayListParts): Promise<void> {
  const { pubkey, relays, ownEvents, log } = parts;
  const coordinate = `${RELAY_LIST_KIND}:${pubkey}:`;
  const urls = relays.map(({ url }) => url);
  const own = await ownEvents.of(coordinate);
  const address = { kind: RELAY_LIST_KIND, pubkey, d: undefined };
  const found = await Promise.all(relays.map((link) => newestAt(link, address)));
  if (found.some(({ newest }) => newest !== undefined && !own.ids.includes(newest.id))) {
    log.info({ event: 'relay_list_kept' }, 'this key has a relay list of its own: it is kept');
    return;
  }
  const isSame = own.event !== undefined && isListOf(own.event, urls);
  const event = isSame
    ? own.event
    : await ownEvents.sign(coordinate, (createdAt) => relayList(urls, createdAt));
  await Promise.all(relays.map((link) => link.publish(event)));
}

function relayList(urls: readonly string[], createdAt: number): EventTemplate {
  return {
    kind: RELAY_LIST_KIND,
    created_at: createdAt,
    tags: urls.map((url) => ['r', url]),
    content: '',
  };
}

function isListOf({ tags }: NostrEvent, urls: readonly string[]): boolean {
  return tags.length === urls.length && urls.every((url) => tags.some((tag) => tag[1] === url));
}
