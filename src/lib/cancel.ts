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
  let listeners: (() => void)[] = [];
  // Here and in all that is made per request: a field, not a getter. V8 makes a hidden class for each object that has a getter of
  // its own; it lives, with all that the getter can see, until the next full collection.
  const canceller = {
    cancelled: false,
    onCancel(listener: () => void) {
      if (canceller.cancelled) {
        listener();
        return () => undefined;
      }
      listeners.push(listener);
      return () => {
        listeners = listeners.filter((other) => other !== listener);
      };
    },
    cancel() {
      if (canceller.cancelled) return;
      canceller.cancelled = true;
      const waiting = listeners;
      listeners = [];
      for (const listener of waiting) listener();
    },
  };
  return canceller;
}
