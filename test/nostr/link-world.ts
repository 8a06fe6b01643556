import { setTimeout as sleep } from 'node:timers/promises';

import { startRelay } from '../../src/demo/relay.ts';
import type { DemoRelay, RelayOptions } from '../../src/demo/relay.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Filter, NostrEvent } from '../../src/nostr/event.ts';
import type { RelayLimits } from '../../src/nostr/relay-limits.ts';
import { createRelayLink } from '../../src/nostr/relay-link.ts';
import type { RelayLink, RelayLinkOptions } from '../../src/nostr/relay-link.ts';
import type { StoredEnd } from '../../src/nostr/relay-request.ts';
import { createVerifier } from '../../src/nostr/verifier.ts';
import { ANNOUNCEMENT } from './events.ts';

/** Comes back quickly, and waits for as long as a busy machine may need. */
const QUICK: Partial<RelayLimits> = {
  backoffMs: 20,
  maxBackoffMs: 50,
  closedRetryMs: 50,
  floodPauseMs: 100,
};

export const NODES: readonly Filter[] = [{ kinds: [ANNOUNCEMENT] }];

export const verifier = await createVerifier();

/** What a link told. */
export interface Told {
  readonly events: NostrEvent[];
  readonly ends: StoredEnd[];
}

export interface LinkWorld extends AsyncDisposable {
  startRelay(options?: RelayOptions): Promise<DemoRelay>;
  link(url: string, options?: Partial<RelayLinkOptions>): RelayLink;
  /** Closed with the world, after what was added later. */
  add(part: { close(): Promise<void> }): void;
}

export function openLinkWorld(): LinkWorld {
  const parts = new AsyncDisposableStack();
  return {
    async startRelay(options) {
      const relay = await startRelay(options);
      parts.defer(() => relay.close());
      return relay;
    },
    link(url, options = {}) {
      const link = createRelayLink(url, {
        verifier,
        log: silentLog,
        clock: systemClock,
        ...options,
        limits: { ...QUICK, ...options.limits },
      });
      parts.defer(() => link.close());
      return link;
    },
    add: (part) => parts.defer(() => part.close()),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** Subscribes to all announcements and writes down what comes. */
export function listen(link: RelayLink, wanted = (_event: NostrEvent): boolean => true): Told {
  const told: Told = { events: [], ends: [] };
  link.subscribe(NODES, {
    wanted,
    onEvent: (event) => told.events.push(event),
    onStored: (end) => told.ends.push(end),
  });
  return told;
}

/** The stored announcements of a relay. */
export async function readAll(
  link: RelayLink,
): Promise<{ readonly events: readonly NostrEvent[]; readonly end: StoredEnd }> {
  const events: NostrEvent[] = [];
  const end = await link.query(NODES, {
    wanted: () => true,
    onEvent: (event) => events.push(event),
  });
  return { events, end };
}

const PATIENCE_MS = 10_000;

/** Resolves when `isSo`; rejects when it takes too long. */
export async function until(isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error('it did not come to that');
    await sleep(5);
  }
}
