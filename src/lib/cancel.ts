/** A one-shot cancellation, cheaper than an AbortController on the hot path. */
export interface Cancel {
  readonly cancelled: boolean;
  /** Calls `listener` once when cancelled (at once if it already is). Returns a function that removes it. */
  onCancel(listener: () => void): () => void;
}

export interface Canceller extends Cancel {
  /** Idempotent. */
  cancel(): void;
}

export function createCancel(): Canceller {
  let cancelled = false;
  let listeners: (() => void)[] = [];
  return {
    get cancelled() {
      return cancelled;
    },
    onCancel(listener) {
      if (cancelled) {
        listener();
        return () => undefined;
      }
      listeners.push(listener);
      return () => {
        listeners = listeners.filter((other) => other !== listener);
      };
    },
    cancel() {
      if (cancelled) return;
      cancelled = true;
      const waiting = listeners;
      listeners = [];
      for (const listener of waiting) listener();
    },
  };
}
