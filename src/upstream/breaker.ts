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
  /** May a request be sent now? Changes nothing. */
  allows(): boolean;
  /** A request is being sent. */
  begun(): void;
  /** It answered. */
  succeeded(): void;
  /** It failed; what the request or its payer caused is not counted. */
  failed(failure: UpstreamFailure): void;
}

export function createBreaker(options: { readonly clock: Clock }): Breaker {
  const { clock } = options;
  let failures = 0;
  let pauseMs = FIRST_PAUSE_MS;
  let openUntilMs: number | undefined;
  /** The pause is over and a request tries whether it answers again; others wait a little. */
  let isTrying = false;

  return {
    allows: () => openUntilMs === undefined || clock.now() >= openUntilMs,
    begun() {
      if (openUntilMs === undefined || clock.now() < openUntilMs) return;
      isTrying = true;
      openUntilMs = clock.now() + TRIAL_INTERVAL_MS;
    },
    succeeded() {
      failures = 0;
      pauseMs = FIRST_PAUSE_MS;
      openUntilMs = undefined;
      isTrying = false;
    },
    failed(failure) {
      if (!counts(failure)) return;
      failures += 1;
      // Requests that were under way when it opened say nothing new.
      if (failures < MAX_FAILURES || (openUntilMs !== undefined && !isTrying)) return;
      isTrying = false;
      openUntilMs = clock.now() + pauseMs;
      pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
    },
  };
}

function counts({ kind, status = 0 }: UpstreamFailure): boolean {
  if (kind === 'cancelled') return false;
  return kind !== 'status' || status >= 500 || UNUSABLE.has(status);
}
