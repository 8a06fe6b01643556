import type { NostrEvent } from '../../nostr/event.ts';
import type { RelayLink } from '../../nostr/relay-link.ts';
import { dOf, isNewer, newestAt } from './newest-event.ts';

/** What a relay holds of an event: it, a newer one in its place, nothing or an older one. `unknown`: it did not say. */
export type Holding =
  | { readonly kind: 'held' | 'missing' | 'unknown' }
  | { readonly kind: 'newer'; readonly createdAt: number };

/** Asks a relay for an addressable event. Only what it gives back is stored: an OK may mean anything. */
export async function readBack(link: RelayLink, event: NostrEvent): Promise<Holding> {
  const { kind, pubkey } = event;
  const { newest, isComplete } = await newestAt(link, { kind, pubkey, d: dOf(event) });
  if (newest?.id === event.id) return { kind: 'held' };
  if (newest !== undefined && isNewer(newest, event)) {
    return { kind: 'newer', createdAt: newest.created_at };
  }
  return { kind: isComplete ? 'missing' : 'unknown' };
}
