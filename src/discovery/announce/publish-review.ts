import type { Clock } from '../../lib/clock.ts';
import type { RelayLink } from '../../nostr/relay-link.ts';
import type { PublishResult } from '../../nostr/relay-publishing.ts';
import type { Signer } from '../../nostr/signer.ts';
import { reviewOf } from './review-template.ts';
import type { Judgement } from './review-template.ts';

export interface ReviewParts {
  readonly signer: Signer;
  readonly relays: readonly RelayLink[];
  readonly clock: Clock;
}

/**
 * Says in public what our own dealings with `node` (its key) showed, signed by our key. For operators who switched it on: it
 * tells whom we buy from. Rejects when signing fails.
 */
export async function publishReview(
  { signer, relays, clock }: ReviewParts,
  node: string,
  judgement: Judgement,
): Promise<readonly PublishResult[]> {
  const review = await signer.sign(reviewOf(node, judgement, Math.floor(clock.now() / 1000)));
  return Promise.all(relays.map((link) => link.publish(review)));
}
