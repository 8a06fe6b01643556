/** Work in many small steps, of which a few are done at a time: requests are served in between. One run at a time. */
export interface SlicedWork {
  /** Does it, or does it once more after the run under way. What takes no more than one slice is done when this returns. */
  run(): void;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
  /** Leaves what is under way; no run begins any more. */
  stop(): void;
}

/** `start` yields after each step, of some microseconds. */
export function createSlicedWork(
  start: () => Generator<void, void>,
  stepsPerSlice: number,
): SlicedWork {
  let underWay: Generator<void, void> | undefined;
  let next: NodeJS.Immediate | undefined;
  let isWanted = false;
  let isStopped = false;
  let done = Promise.withResolvers<void>();

  function slice(): void {
    for (let steps = 0; steps < stepsPerSlice; steps += 1) {
      if (underWay?.next().done !== false) return end();
    }
    next = setImmediate(slice);
  }

  function end(): void {
    underWay = undefined;
    if (isWanted) return run();
    done.resolve();
    done = Promise.withResolvers();
  }

  function run(): void {
    if (isStopped) return;
    isWanted = underWay !== undefined;
    if (isWanted) return;
    underWay = start();
    slice();
  }

  return {
    run,
    idle: () => (underWay === undefined ? Promise.resolve() : done.promise),
    stop() {
      clearImmediate(next);
      isStopped = true;
      isWanted = false;
      if (underWay !== undefined) end();
    },
  };
}
