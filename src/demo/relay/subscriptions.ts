import type { Filter, NostrEvent } from '../../nostr/event.ts';
import { matches } from '../../nostr/event.ts';
import type { EventStore } from './event-store.ts';
import { MAX_SUBSCRIPTION_ID_CHARS, MAX_SUBSCRIPTIONS } from './information.ts';
import { parseFilters } from './request-filter.ts';

/** What one client asks for. */
export interface Subscriptions {
  /** REQ, COUNT and CLOSE. */
  receive(verb: 'REQ' | 'COUNT' | 'CLOSE', id: unknown, rest: readonly unknown[]): void;
  push(event: NostrEvent): void;
}

export function createSubscriptions(
  store: EventStore,
  isAllowed: () => boolean,
  send: (...message: readonly unknown[]) => void,
): Subscriptions {
  const open = new Map<string, readonly Filter[]>();

  const request = (id: string, filters: readonly Filter[]): void => {
    if (!open.has(id) && open.size >= MAX_SUBSCRIPTIONS) {
      return send('CLOSED', id, 'error: too many subscriptions');
    }
    open.set(id, filters);
    for (const event of store.query(filters)) send('EVENT', id, event);
    return send('EOSE', id);
  };
  return {
    receive(verb, id, rest) {
      if (typeof id !== 'string' || id === '' || id.length > MAX_SUBSCRIPTION_ID_CHARS) {
        return send('NOTICE', 'invalid: a subscription id has 1 to 64 characters');
      }
      if (verb === 'CLOSE') return void open.delete(id);
      if (!isAllowed()) return send('CLOSED', id, 'auth-required: tell who you are first');
      const filters = parseFilters(rest);
      if (filters === undefined) return send('CLOSED', id, 'invalid: these are no filters');
      if (verb === 'REQ') return request(id, filters);
      return send('COUNT', id, { count: store.count(filters) });
    },
    push(event) {
      for (const [id, filters] of open) {
        if (filters.some((filter) => matches(filter, event))) send('EVENT', id, event);
      }
    },
  };
}
