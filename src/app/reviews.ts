import { publishReview } from '../discovery/announce/publish-review.ts';
import type { Discovery } from '../discovery/discovery.ts';
import { systemClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { RelayLink } from '../nostr/relay-link.ts';
import type { Signer } from '../nostr/signer.ts';

export interface ReviewParts {
  readonly discovery: Discovery;
  readonly signer: Signer;
  readonly relays: readonly RelayLink[];
  readonly log: Log;
}

const INTERVAL_MS = 3_600_000;
/** Relays limit who writes much. */
const MAX_AT_ONCE = 10;

/** Publishes what our own dealings with nodes showed, each judgement once and again when it changes. Returns a function that ends it. */
export function startReviews({ discovery, signer, relays, log }: ReviewParts): () => void {
  const told = new Map<string, string>();

  async function publishNew(): Promise<void> {
    let published = 0;
    for (const { pubkey } of discovery.nodes()) {
      const judgement = discovery.judgement(pubkey);
      if (judgement === undefined || told.get(pubkey) === judgement) continue;
      if (published === MAX_AT_ONCE) return;
      published += 1;
      const results = await publishReview(
        { signer, relays, clock: systemClock },
        pubkey,
        judgement,
      );
      if (results.some(({ ok }) => ok)) told.set(pubkey, judgement);
    }
  }

  const timer = setInterval(() => {
    publishNew().catch((error: unknown) => log.error({ err: error }, 'reviews were not published'));
  }, INTERVAL_MS).unref();
  return () => clearInterval(timer);
}
