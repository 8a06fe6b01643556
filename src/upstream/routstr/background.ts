/** Work that nobody waits for, until everything stops. */
export interface Background {
  /** Errors of `work` are told, never thrown. */
  run(work: () => Promise<void>): void;
  /** Resolves when all that was begun has ended. */
  idle(): Promise<void>;
}

export function createBackground(onError: (error: unknown) => void): Background {
  const pending = new Set<Promise<void>>();
  return {
    run(work) {
      const done = work()
        .catch(onError)
        .finally(() => pending.delete(done));
      pending.add(done);
    },
    async idle() {
      await Promise.all(pending);
    },
  };
}
