import type { Clock } from '../lib/clock.ts';
import type { UpstreamFailure } from './upstream.ts';

/** Failures in a row after which an upstream is left alone. */
const MAX_FAILURES = 5;
const FIRST_PAUSE_MS = 5000;
const MAX_PAUSE_MS = 60_000;
/** After a pause one request in this time tries it, until one is answered. */
const TRIAL_INTERVAL_MS = 1000;

/** Statuses below 500 that mean: this upstream is of no use now. Our key or credit there, or too much asked of it. */
const UNUSABLE: ReadonlySet<number> = new Set([401, 402, 403, 408, 429]);

/** Leaves an upstream alone that does not answer, for 5 s at first and twice as long each time, up to 60 s. */
export interface Breaker {
  /** Nothing may be sent now. */
  readonly isResting: boolean;
  /** May a request be sent now? After a pause true only once in a second, so ask only for a request that is then sent. */
  allows(): boolean;
  /** It answered. */
  succeeded(): void;
  /** It failed; what the request or its payer caused is not counted. */
  failed(failure: UpstreamFailure): void;
}

export function createBreaker(options: { readonly clock: Clock }): Breaker {
  const { clock } = options;
  let failures = 0;
  let pauseMs = FIRST_PAUSE_MS;
  let restsUntilMs: number | undefined;
  /** A request tries whether it answers again. */
  let isTrying = false;

  const isResting = (): boolean => restsUntilMs !== undefined && clock.now() < restsUntilMs;

  return {
    get isResting() {
      return isResting();
    },
    allows() {
      if (isResting()) return false;
      if (restsUntilMs === undefined) return true;
      isTrying = true;
      restsUntilMs = clock.now() + TRIAL_INTERVAL_MS;
      return true;
    },
    succeeded() {
      failures = 0;
      pauseMs = FIRST_PAUSE_MS;
      restsUntilMs = undefined;
      isTrying = false;
    },
    failed(failure) {
      if (!counts(failure)) return;
      failures += 1;
      // Requests that were under way when the rest began say nothing new.
      if (failures < MAX_FAILURES || (restsUntilMs !== undefined && !isTrying)) return;
      isTrying = false;
      restsUntilMs = clock.now() + pauseMs;
      pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
    },
  };
}

function counts({ kind, status = 0 }: UpstreamFailure): boolean {
  // What was not sent, or given up, says nothing about the upstream.
  if (kind === 'cancelled' || kind === 'unaffordable') return false;
  return kind !== 'status' || status >= 500 || UNUSABLE.has(status);
}
