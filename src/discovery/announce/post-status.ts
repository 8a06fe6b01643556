import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { RelayReport, PostState } from './announce-report.ts';
import { blamesUs } from './relay-answer.ts';

/** What one relay makes of our newest event, and when it is worth asking again. */
export interface PostStatus {
  readonly state: PostState;
  readonly message: string;
  /** Unix ms; undefined: not before there is another event. */
  readonly dueMs: number | undefined;
  /** Notes it, and logs it where it is news. */
  settle(state: PostState, message: string): void;
  /** There is a new event, or one to be asked for now. */
  begin(): void;
  report(): RelayReport;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const RETRY_MS = [MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS] as const;

export function createPostStatus(relay: string, clock: Clock, log: Log): PostStatus {
  let state: PostState = 'sending';
  let message = '';
  let atMs = clock.now();
  let dueMs: number | undefined;
  let failures = 0;

  const tell = (): void => {
    const fields = { event: 'announcement_relay', relay, state, answer: message };
    if (state === 'held' || state === 'accepted') log.info(fields, 'a relay has our announcement');
    else if (state === 'refused' && blamesUs(message)) log.error(fields, 'our event is faulty');
    else log.warn(fields, 'a relay does not hold our announcement');
  };
  return {
    get state() {
      return state;
    },
    get message() {
      return message;
    },
    get dueMs() {
      return dueMs;
    },
    settle(next, words) {
      const isNews = state !== next;
      state = next;
      message = words;
      atMs = clock.now();
      failures = next === 'failed' ? failures + 1 : 0;
      dueMs = next === 'refused' ? undefined : atMs + pauseAfter(next, failures);
      if (isNews) tell();
    },
    begin() {
      // Who is known to keep nothing stays known for it.
      if (state !== 'write-only') state = 'sending';
      dueMs = clock.now();
    },
    report: () => ({ relay, state, message, atMs }),
  };
}

function pauseAfter(state: PostState, failures: number): number {
  if (state === 'accepted') return 5 * MINUTE_MS;
  if (state !== 'failed') return HOUR_MS;
  return RETRY_MS[Math.min(failures, RETRY_MS.length) - 1] ?? HOUR_MS;
}
