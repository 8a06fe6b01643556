import type { Clock } from '../../lib/clock.ts';
import type { NostrEvent } from '../../nostr/event.ts';
import type { RelayReport } from './announce-report.ts';
import type { RelayPost } from './relay-post.ts';

/** All relays that our announcement hangs on. One call at a time. */
export interface RelayBoard {
  /** Resolves when every relay has answered or was given up. */
  send(event: NostrEvent): Promise<void>;
  /** Takes over an event of an earlier run: relays are asked for it at the next visit. */
  adopt(event: NostrEvent): void;
  /** Asks those relays that are due, and sends again what they lack. */
  visit(): Promise<void>;
  reports(): readonly RelayReport[];
  /** The newest date of an event that stands in the place of ours, unix seconds. */
  supersededBy(): number | undefined;
}

export function createRelayBoard(posts: readonly RelayPost[], clock: Clock): RelayBoard {
  const isDue = (post: RelayPost): boolean => (post.dueMs() ?? Infinity) <= clock.now();
  return {
    async send(event) {
      await Promise.all(posts.map((post) => post.send(event)));
    },
    adopt(event) {
      for (const post of posts) post.adopt(event);
    },
    async visit() {
      await Promise.all(posts.filter(isDue).map((post) => post.visit()));
    },
    reports: () => posts.map((post) => post.report()),
    supersededBy() {
      const dates = posts.flatMap((post) => post.supersededBy() ?? []);
      return dates.length === 0 ? undefined : Math.max(...dates);
    },
  };
}
