import { startRelay } from '../../../src/demo/relay.ts';
import type { DemoRelay, RelayOptions } from '../../../src/demo/relay.ts';
import type { AnnouncedOffer } from '../../../src/discovery/announce/announced-offer.ts';
import { createAnnouncer } from '../../../src/discovery/announce/announcer.ts';
import type { Announcer, AnnouncerOptions } from '../../../src/discovery/announce/announcer.ts';
import { announceTables } from '../../../src/discovery/announce/tables.ts';
import { silentLog } from '../../../src/lib/log.ts';
import type { NostrEvent } from '../../../src/nostr/event.ts';
import { createRelayLink } from '../../../src/nostr/relay-link.ts';
import type { RelayLink } from '../../../src/nostr/relay-link.ts';
import { createKeySigner } from '../../../src/nostr/signer.ts';
import { createVerifier } from '../../../src/nostr/verifier.ts';
import { createSimulatedClock } from '../../support/clock.ts';
import { testStore } from '../../support/ledger-store.ts';
import { models, NOW_MS, OFFER } from './offer.ts';

const verifier = await createVerifier();

/** Short enough for tests, long enough for a busy machine. */
const LIMITS = {
  publishTimeoutMs: 400,
  storedTimeoutMs: 400,
  authTimeoutMs: 2_000,
  connectTimeoutMs: 2_000,
  backoffMs: 20,
  maxBackoffMs: 40,
};

/** A node that announces itself on real relays, at a time that stands still until it is told. */
export async function announcerWorld() {
  const stack = new AsyncDisposableStack();
  const { store } = stack.use(
    await testStore([{ owner: 'discovery', migrations: [announceTables] }]),
  );
  const clock = createSimulatedClock(NOW_MS);
  const signer = createKeySigner(new Uint8Array(32).fill(7));
  const links: RelayLink[] = [];
  const world: { offer: AnnouncedOffer } = { offer: OFFER };

  return {
    clock,
    signer,
    store,
    links,
    world,
    /** A link to a relay at `url`, which the announcers made from now on use. */
    link(url: string): RelayLink {
      const link = createRelayLink(url, {
        verifier,
        signer,
        log: silentLog,
        clock,
        limits: LIMITS,
        fetchInfo: async (address) => (await fetch(address, { headers: INFO })).json(),
      });
      stack.defer(() => link.close());
      links.push(link);
      return link;
    },
    async relay(options: RelayOptions = {}): Promise<DemoRelay> {
      const relay = await startRelay({ clock, ...options });
      stack.defer(() => relay.close());
      this.link(relay.url);
      return relay;
    },
    /** As after a restart: another announcer over the same database. */
    announcer(options: Partial<AnnouncerOptions> = {}): Announcer {
      const announcer = createAnnouncer({
        signer,
        relays: links,
        store,
        clock,
        log: silentLog,
        offer: () => world.offer,
        dates: () => Promise.resolve([]),
        random: () => 0.5,
        tickMs: 2,
        settleMs: 10,
        ...options,
      });
      stack.defer(() => announcer.stop());
      return announcer;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const INFO = { accept: 'application/nostr+json' };

export const OTHER_OFFER: AnnouncedOffer = { ...OFFER, models: models(5) };

/** What a reader finds at a relay under our announcement's kind. */
export function announcements(relay: DemoRelay): readonly NostrEvent[] {
  return relay.query([{ kinds: [38421] }]);
}

/** Hooks of a relay that meets events with `answer`, and counts them. */
export function answering(answer: (event: NostrEvent) => readonly [boolean, string] | undefined) {
  const seen: NostrEvent[] = [];
  const hooks: RelayOptions['hooks'] = {
    onMessage([verb, event], client) {
      if (verb !== 'EVENT') return true;
      const given = event as NostrEvent;
      seen.push(given);
      const told = answer(given);
      if (told === undefined) return true;
      client.send('OK', given.id, ...told);
      return false;
    },
  };
  return { hooks, seen: (kind = 38421) => seen.filter((event) => event.kind === kind) };
}
