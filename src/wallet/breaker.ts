import type { Clock } from '../lib/clock.ts';

/** Failures in a row after which a mint is left alone. */
const MAX_FAILURES = 5;
const FIRST_PAUSE_MS = 5000;
const MAX_PAUSE_MS = 60_000;

/** Leaves a mint alone that does not answer; then lets one call through to see whether it does again. */
export interface Breaker {
  /** May a call be made? Every admitted call must report `answered` or `failed`. While half open only one is admitted at a time. */
  admit(): boolean;
  /** The mint answered, be it with a refusal. */
  answered(): void;
  /** No answer came, or none that a mint would give. */
  failed(): void;
  /** The mint asked to be left alone (429). */
  paused(ms: number): void;
  /** Milliseconds for which nothing will be admitted; 0 when a call may be tried. */
  readonly closedForMs: number;
  /** When it opened; undefined from the next answer on. */
  readonly openSinceMs: number | undefined;
}

export function createBreaker(options: { readonly clock: Clock }): Breaker {
  const { clock } = options;
  let failures = 0;
  let pauseMs = FIRST_PAUSE_MS;
  let openSinceMs: number | undefined;
  let openUntilMs = 0;
  let isProbing = false;

  const open = (ms: number): void => {
    openSinceMs ??= clock.now();
    openUntilMs = clock.now() + ms;
  };

  return {
    admit() {
      if (openSinceMs === undefined) return true;
      if (clock.now() < openUntilMs || isProbing) return false;
      isProbing = true;
      return true;
    },
    answered() {
      failures = 0;
      pauseMs = FIRST_PAUSE_MS;
      openSinceMs = undefined;
      isProbing = false;
    },
    failed() {
      failures += 1;
      isProbing = false;
      // Calls that were under way when it opened say nothing new.
      if (failures < MAX_FAILURES || clock.now() < openUntilMs) return;
      open(pauseMs);
      pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
    },
    paused(ms) {
      isProbing = false;
      open(Math.min(ms, MAX_PAUSE_MS));
    },
    get closedForMs() {
      return openSinceMs === undefined ? 0 : Math.max(0, openUntilMs - clock.now());
    },
    get openSinceMs() {
      return openSinceMs;
    },
  };
}
