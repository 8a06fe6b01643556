import type { Clock } from '../../lib/clock.ts';
import type { NostrEvent } from '../../nostr/event.ts';
import type { RelayLink } from '../../nostr/relay-link.ts';
import type { RelayReport, PostState } from './announce-report.ts';
import { dOf, newestAt } from './newest-event.ts';
import { verdictOn } from './relay-answer.ts';

/** The two events of a retirement, in the order in which they are sent. */
export interface Retirement {
  readonly replacement: NostrEvent;
  readonly deletion: NostrEvent;
}

const GONE = 'the announcement is gone';
const STILL_SHOWN = 'it still shows the announcement, which expires by itself';

/** Takes an announcement back at one relay, and looks whether it is gone. */
export async function retireAt(
  link: RelayLink,
  { replacement, deletion }: Retirement,
  clock: Clock,
): Promise<RelayReport> {
  const report = (state: PostState, message: string): RelayReport => ({
    relay: link.url,
    state,
    message,
    atMs: clock.now(),
  });
  // Each helps where the other is not understood.
  const replaced = await link.publish(replacement);
  const deleted = await link.publish(deletion);
  if (verdictOn(replaced) !== 'taken' && verdictOn(deleted) !== 'taken') {
    return report('failed', deleted.message);
  }
  const { kind, pubkey } = replacement;
  const { newest } = await newestAt(link, { kind, pubkey, d: dOf(replacement) });
  const isShown = newest?.tags.some(([name]) => name === 'u') === true;
  return isShown ? report('failed', STILL_SHOWN) : report('accepted', GONE);
}
