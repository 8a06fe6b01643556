import { setTimeout as pause } from 'node:timers/promises';

import type { Clock } from '../../lib/clock.ts';
import type { NostrEvent } from '../../nostr/event.ts';
import type { RelayLink } from '../../nostr/relay-link.ts';
import type { Signer } from '../../nostr/signer.ts';
import type { AnnounceReport, RelayReport } from './announce-report.ts';
import { ANNOUNCEMENT_KIND } from './announcement-template.ts';
import type { OwnEvents } from './own-events.ts';
import { retireAt } from './retire-at.ts';
import { deletionOf, replacementOf } from './retirement.ts';

export interface RetireParts {
  readonly signer: Signer;
  readonly relays: readonly RelayLink[];
  readonly ownEvents: OwnEvents;
  readonly clock: Clock;
}

/** How long relays are waited for. */
const PATIENCE_MS = 8_000;

/** Takes the announcement under `d` back, on all relays; on disk before the first of them hears of it. */
export async function retire(parts: RetireParts, d: string): Promise<AnnounceReport> {
  const { relays, clock } = parts;
  const { replacement, deletion } = await signed(parts, d);
  const patience = new AbortController();
  // Broken off when all have answered: then nobody waits for it.
  const late = pause(PATIENCE_MS, undefined, { signal: patience.signal }).catch(() => undefined);
  const reports = await Promise.all(
    relays.map((link) =>
      Promise.race([
        retireAt(link, { replacement, deletion }, clock),
        late.then((): RelayReport => {
          const message = 'it did not answer in time; the announcement expires by itself';
          return { relay: link.url, state: 'failed', message, atMs: clock.now() };
        }),
      ]),
    ),
  );
  patience.abort();
  return { outcome: 'retired', why: undefined, event: deletion, relays: reports };
}

async function signed(
  { signer, ownEvents, clock }: RetireParts,
  d: string,
): Promise<{ readonly replacement: NostrEvent; readonly deletion: NostrEvent }> {
  const { pubkey } = signer;
  const coordinate = `${ANNOUNCEMENT_KIND}:${pubkey}:${d}`;
  const nowS = Math.floor(clock.now() / 1000);
  const replacement = await ownEvents.sign(
    coordinate,
    (createdAt) => replacementOf(d, createdAt, nowS),
    { retired: true },
  );
  const { ids } = await ownEvents.of(coordinate);
  const createdAt = Math.max(nowS, replacement.created_at);
  const deletion = await signer.sign(deletionOf({ pubkey, d, ids }, createdAt));
  // What is announced later must not fall under this deletion.
  await ownEvents.passOver(coordinate, createdAt);
  return { replacement, deletion };
}
