/** Runs one piece of work after the other, in the order in which they were asked for. */
export interface Turns {
  take<T>(work: () => Promise<T>): Promise<T>;
  /** Resolves when all that was asked for is done. */
  idle(): Promise<void>;
}

export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return {
    take(work) {
      const turn = last.then(work);
      // A failure is told to who asked for the work, and does not stand in the way of the next.
      last = turn.catch(() => undefined);
      return turn;
    },
    idle: async () => {
      await last;
    },
  };
}
