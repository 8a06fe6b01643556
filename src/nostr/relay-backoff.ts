/** How long to wait before the next try. */
export interface RelayBackoff {
  /** Milliseconds; twice as long each time, up to the maximum. Half of it is random, so that nobody comes back in step. */
  next(): number;
  /** The next one is the first again. */
  reset(): void;
}

export function createRelayBackoff(
  firstMs: number,
  maxMs: number,
  random: () => number,
): RelayBackoff {
  let failures = 0;
  return {
    next() {
      const ms = Math.min(maxMs, firstMs * 2 ** failures);
      failures += 1;
      return ms * (0.5 + random() / 2);
    },
    reset() {
      failures = 0;
    },
  };
}
