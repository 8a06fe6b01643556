/** Work of one kind, a few at a time; what is urgent goes first, and neither it nor the rest fills all places. */
export interface ProbeQueue {
  /**
   * Runs `work` in its turn and resolves after it; it must not reject. While an earlier work of the same key waits or runs, that
   * one is meant. Undefined: too many wait.
   */
  add(key: string, work: () => Promise<void>, isUrgent: boolean): Promise<void> | undefined;
  /** Drops what waits; its promises resolve. */
  clear(): void;
}

export interface ProbeQueueLimits {
  readonly running: number;
  /** Of these, those that are urgent, also where they hang. */
  readonly urgent: number;
  /** And those that are not. */
  readonly background: number;
  /** Waiting, of each of the two kinds. */
  readonly waiting: number;
}

interface Job {
  readonly key: string;
  readonly isUrgent: boolean;
  readonly work: () => Promise<void>;
  readonly done: Promise<void>;
  readonly settle: () => void;
}

export function createProbeQueue(limits: ProbeQueueLimits): ProbeQueue {
  const urgent = new Map<string, Job>();
  const background = new Map<string, Job>();
  const running = new Map<string, Job>();
  let backgroundRunning = 0;

  function take(): Job | undefined {
    if (running.size >= limits.running) return undefined;
    const hasRoom = running.size - backgroundRunning < limits.urgent;
    const [first] = hasRoom ? urgent.values() : [];
    if (first !== undefined) return first;
    const [next] = backgroundRunning < limits.background ? background.values() : [];
    return next;
  }

  function pump(): void {
    for (let job = take(); job !== undefined; job = take()) void run(job);
  }

  async function run(job: Job): Promise<void> {
    const { key, isUrgent } = job;
    (isUrgent ? urgent : background).delete(key);
    running.set(key, job);
    if (!isUrgent) backgroundRunning += 1;
    try {
      await job.work();
    } finally {
      running.delete(key);
      if (!isUrgent) backgroundRunning -= 1;
      job.settle();
      pump();
    }
  }

  return {
    add(key, work, isUrgent) {
      const known = running.get(key) ?? urgent.get(key);
      if (known !== undefined) return known.done;
      const waiting = background.get(key);
      if (waiting !== undefined && !isUrgent) return waiting.done;
      const lane = isUrgent ? urgent : background;
      if (lane.size >= limits.waiting) return undefined;
      background.delete(key);
      const job = waiting === undefined ? newJob(key, work, isUrgent) : { ...waiting, isUrgent };
      lane.set(key, job);
      pump();
      return job.done;
    },
    clear() {
      for (const lane of [urgent, background]) {
        for (const job of lane.values()) job.settle();
        lane.clear();
      }
    },
  };
}

function newJob(key: string, work: () => Promise<void>, isUrgent: boolean): Job {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  return { key, work, isUrgent, done: promise, settle: () => resolve(undefined) };
}
