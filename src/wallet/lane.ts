/** One mint's queue: one task at a time, because mints gain nothing from concurrent swaps and some deadlock. */
export interface Lane {
  /**
   * Runs `work` when its turn comes and resolves with its result. Rejects, having run nothing, with RouterError
   * `cashu_mint_busy` when the queue is full (the key with the most tasks waiting gives way) or `cashu_mint_unreachable`
   * when the mint's breaker is open or the deadline passed in the queue.
   */
  run<T>(turn: Turn, work: () => Promise<T>): Promise<T>;
  readonly waiting: number;
}

export interface Turn {
  /** Whose task it is (an address, or a name of ours): keys take turns, so nobody's flood starves others. */
  readonly key: string;
  /** A task that has not begun by then (milliseconds since the epoch) never begins. */
  readonly deadlineMs: number;
}
