import type { RelayLimits } from './relay-limits.ts';

/** Counts what a relay must not do too often. */
export interface RelayOffences {
  /** Notes a message; true when there are too many, or too large ones, within a minute. Then it counts from zero again. */
  floodsWith(bytes: number): boolean;
  /** Notes that a signature is to be checked; true when there were too many, so that it is not. */
  overtaxesWith(): boolean;
  /** Notes a wrong signature; true when there are too many of them. Then it counts from zero again. */
  liesTooMuch(): boolean;
}

const MINUTE_MS = 60_000;

export function createRelayOffences(now: () => number, limits: RelayLimits): RelayOffences {
  let minute = { start: now(), messages: 0, bytes: 0 };
  let lies: number[] = [];
  let credit = { at: now(), checks: limits.maxVerifiedAtOnce };
  return {
    floodsWith(bytes) {
      if (now() - minute.start >= MINUTE_MS) minute = { start: now(), messages: 0, bytes: 0 };
      minute.messages += 1;
      minute.bytes += bytes;
      const isFlood =
        minute.messages > limits.maxMessagesPerMinute || minute.bytes > limits.maxBytesPerMinute;
      if (isFlood) minute = { start: now(), messages: 0, bytes: 0 };
      return isFlood;
    },
    overtaxesWith() {
      const grown = ((now() - credit.at) / MINUTE_MS) * limits.maxVerifiedPerMinute;
      const checks = Math.min(limits.maxVerifiedAtOnce, credit.checks + Math.max(0, grown));
      const isTooMuch = checks < 1;
      credit = { at: now(), checks: isTooMuch ? checks : checks - 1 };
      return isTooMuch;
    },
    liesTooMuch() {
      const start = now() - limits.invalidWindowMs;
      lies = [...lies.filter((at) => at > start), now()];
      const isTooMuch = lies.length >= limits.maxInvalid;
      if (isTooMuch) lies = [];
      return isTooMuch;
    },
  };
}
