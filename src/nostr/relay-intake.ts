import type { Log } from '../lib/log.ts';
import type { NostrEvent } from './event.ts';
import type { ReadingHandlers } from './relay-reading.ts';
import type { Verifier } from './verifier.ts';

/** Lets events of one relay in: wanted first, then right, then handed on. It remembers none: that is for those who know it is right. */
export interface RelayIntake {
  readonly counts: IntakeCounts;
  /**
   * Takes an event that was asked for. Resolves when it was verified, and handed on or dropped; undefined when it is not wanted, or too
   * much. Events come out in the order in which they were taken. Never rejects.
   */
  readonly take: (event: NostrEvent, handlers: ReadingHandlers) => Promise<void> | undefined;
}

export interface IntakeCounts {
  readonly events: number;
  readonly accepted: number;
  readonly invalid: number;
}

export interface IntakeParts {
  readonly relay: string;
  readonly verifier: Verifier;
  readonly log: Log;
  readonly maxUnverified: number;
  /** Stops and starts reading from the relay. */
  readonly pause: () => void;
  readonly resume: () => void;
  readonly onInvalid: () => void;
  /** Called for each event that is wanted: whether it is too much to check another one of this relay. */
  readonly isTooMuch: () => boolean;
}

export function createRelayIntake(parts: IntakeParts): RelayIntake {
  const { relay, verifier, log, maxUnverified } = parts;
  const counts = { events: 0, accepted: 0, invalid: 0 };
  let unverified = 0;

  /** A fault in a handler is ours, and no event may end the process with it. */
  const safely = (call: () => boolean): boolean => {
    try {
      return call();
    } catch (err) {
      log.error({ relay, err }, 'failed to handle an event of a relay');
      return false;
    }
  };
  const handOn = (event: NostrEvent, handlers: ReadingHandlers): void => {
    counts.accepted += 1;
    safely(() => {
      handlers.onEvent(event, relay);
      return true;
    });
  };
  const check = async (event: NostrEvent, handlers: ReadingHandlers): Promise<void> => {
    unverified += 1;
    if (unverified === maxUnverified) parts.pause();
    const verdict = await verifier.verify(event).catch((error: unknown) => error);
    unverified -= 1;
    if (unverified === maxUnverified - 1) parts.resume();
    if (verdict === true) return handOn(event, handlers);
    if (verdict !== false) {
      // Too much for us is no fault of the relay.
      return log.warn({ relay, err: verdict }, 'dropped an event of a relay unverified');
    }
    counts.invalid += 1;
    return parts.onInvalid();
  };
  return {
    counts,
    take(event, handlers) {
      counts.events += 1;
      const isWanted = safely(() => handlers.wanted(event, relay));
      return isWanted && !parts.isTooMuch() ? check(event, handlers) : undefined;
    },
  };
}
