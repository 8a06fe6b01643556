import { setTimeout as pause } from 'node:timers/promises';

import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { NostrEvent } from '../../nostr/event.ts';
import type { RelayLink } from '../../nostr/relay-link.ts';
import type { RelayReport } from './announce-report.ts';
import { createPostStatus } from './post-status.ts';
import { readBack } from './read-back.ts';
import type { Holding } from './read-back.ts';
import { verdictOn } from './relay-answer.ts';

/** One relay, at which our newest event shall hang. One call at a time. */
export interface RelayPost {
  /** Sends a new event and asks for it. */
  send(event: NostrEvent): Promise<void>;
  /** Takes over an event of an earlier run, and asks for it when next visited. */
  adopt(event: NostrEvent): void;
  /** Asks whether the relay holds the event, and sends it again where not. */
  visit(): Promise<void>;
  /** When the next visit is due, unix ms; undefined: not before there is another event. */
  dueMs(): number | undefined;
  report(): RelayReport;
  /** The date of an event that stands in the place of ours and is not ours, unix seconds. */
  supersededBy(): number | undefined;
}

export interface RelayPostParts {
  readonly clock: Clock;
  readonly log: Log;
  /** Some relays store a moment after they said OK. */
  readonly settleMs: number;
}

export function createRelayPost(link: RelayLink, parts: RelayPostParts): RelayPost {
  const { clock, log, settleMs } = parts;
  const status = createPostStatus(link.url, clock, log);
  let event: NostrEvent | undefined;
  let newerS: number | undefined;

  /** Whether no more can be done now for the event. */
  const isSettled = (holding: Holding): boolean => {
    if (holding.kind === 'held') status.settle('held', '');
    if (holding.kind === 'unknown') status.settle('accepted', 'it said OK and nothing when asked');
    if (holding.kind === 'newer') {
      newerS = holding.createdAt;
      status.settle('superseded', 'another one announces itself with our key');
    }
    return holding.kind !== 'missing';
  };
  const deliver = async (wanted: NostrEvent): Promise<void> => {
    // Who has proven to keep nothing is not sent everything twice.
    const rounds = status.state === 'write-only' ? 1 : 2;
    for (let round = 0; round < rounds; round += 1) {
      const answer = await link.publish(wanted);
      const verdict = verdictOn(answer);
      if (verdict !== 'taken') {
        status.settle(verdict === 'never' ? 'refused' : 'failed', answer.message);
        return;
      }
      if (isSettled(await readBack(link, wanted))) return;
      await pause(settleMs, undefined, { ref: false });
      if (isSettled(await readBack(link, wanted))) return;
    }
    status.settle('write-only', 'it says OK and does not give the event back');
  };

  return {
    async send(next) {
      event = next;
      newerS = undefined;
      status.begin();
      await deliver(next);
    },
    adopt(next) {
      event = next;
      status.begin();
    },
    async visit() {
      if (event === undefined) return;
      const holding = await readBack(link, event);
      const isUnheard = holding.kind === 'unknown';
      if (holding.kind === 'missing' || (isUnheard && status.state === 'failed')) {
        await deliver(event);
      } else if (isUnheard) {
        status.settle('failed', 'it did not answer');
      } else {
        isSettled(holding);
      }
    },
    dueMs: () => status.dueMs,
    report: () => status.report(),
    supersededBy: () => newerS,
  };
}
