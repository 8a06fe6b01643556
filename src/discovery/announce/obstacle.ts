import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { npubOf, pubkeyOf } from '../../nostr/npub.ts';
import { faultIn } from './announced-offer.ts';
import type { AnnouncedOffer } from './announced-offer.ts';
import { clockError } from './remote-dates.ts';

/** Why an announcement would do no good, and how soon that may be otherwise. */
export interface Obstacle {
  readonly why: string;
  readonly pauseMs: number;
}

export interface ObstacleParts {
  readonly pubkey: string;
  readonly clock: Clock;
  readonly log: Log;
  /** What other clocks say, unix ms. */
  readonly dates: () => Promise<readonly number[]>;
  /** The key that our own public URL names, as npub or hex; undefined where it cannot be reached from here. */
  readonly ownInfo: (() => Promise<string | undefined>) | undefined;
}

/** The catalog of a router that has just started fills in a moment. */
const SOON_MS = 1_000;
const LATER_MS = 60_000;

/** What stands against announcing `offer` now; undefined when nothing does. */
export async function obstacleTo(
  offer: AnnouncedOffer,
  parts: ObstacleParts,
): Promise<Obstacle | undefined> {
  const fault = faultIn(offer);
  if (fault !== undefined) return { why: fault, pauseMs: SOON_MS };
  const errorMs = clockError(parts.clock.now(), await parts.dates());
  if (errorMs !== undefined) {
    const minutes = Math.round(errorMs / 60_000);
    return { why: `this machine's clock is wrong by ${minutes} minutes`, pauseMs: LATER_MS };
  }
  const named = await nameAtOwnUrl(parts);
  if (named === undefined || pubkeyOf(named) === parts.pubkey) return undefined;
  const why = `the node's URL does not answer with its key ${npubOf(parts.pubkey)}`;
  return { why, pauseMs: LATER_MS };
}

/** Many nodes cannot reach their own public address from inside. */
async function nameAtOwnUrl({ ownInfo, log }: ObstacleParts): Promise<string | undefined> {
  try {
    return await ownInfo?.();
  } catch (error) {
    log.debug({ err: error }, "the node's own URL could not be asked for its key");
    return undefined;
  }
}
