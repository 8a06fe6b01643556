/** Holds answers back between two chunks, so that a test can prove what happened before the rest was sent. */
export interface Gate {
  /** Every answer that has sent `afterChunks` chunks waits there. */
  hold(afterChunks: number): void;
  /** Lets go all that wait, and holds no more. */
  release(): void;
  /** Resolves when an answer that has sent `sent` chunks may go on, or when `gone` does. */
  pass(sent: number, hangs: boolean, gone: Promise<void>): Promise<void>;
}

export function createGate(): Gate {
  let heldAfter = Infinity;
  let waiting = new Set<() => void>();
  return {
    hold(afterChunks) {
      heldAfter = afterChunks;
    },
    release() {
      heldAfter = Infinity;
      const released = waiting;
      waiting = new Set();
      for (const resolve of released) resolve();
    },
    async pass(sent, hangs, gone) {
      if (!hangs && sent < heldAfter) return;
      const released = Promise.withResolvers<void>();
      waiting.add(released.resolve);
      await Promise.race([released.promise, gone]);
      waiting.delete(released.resolve);
    },
  };
}
