import { setTimeout as sleep } from 'node:timers/promises';

import { machineTime, processTime } from './cpu-time.ts';
import type { Job, JobResult, Spread } from './job.ts';
import type { Stage, Target } from './stage.ts';

/** One target under one load for some seconds. */
export interface Sample {
  readonly target: Target;
  readonly rate: number;
  /** CPU of the target's process, all its threads; 0 for `direct`. */
  readonly cpuUs: number;
  readonly latency: Spread;
  readonly firstByte: Spread;
  readonly failures: Readonly<Record<string, number>>;
  readonly answers: number;
  /** CPUs that others used meanwhile: on this machine, and other machines on its host. */
  readonly foreign: number;
}

/** Above this a sample is noisy. */
export const QUIET = 0.2;
const QUIET_LOOK_MS = 300;
const MAX_LOOKS = 6;

export async function takeSample(
  stage: Stage,
  target: Target,
  job: Omit<Job, 'url' | 'path'>,
): Promise<Sample & { readonly result: JobResult }> {
  await waitForQuiet(stage);
  const before = timesOf(stage, target);
  const result = await stage.run(target, job);
  const after = timesOf(stage, target);
  const seconds = (after.atMs - before.atMs) / 1_000;
  const own = after.own - before.own;
  return {
    target,
    rate: result.answers / result.seconds,
    cpuUs: result.answers === 0 ? 0 : ((after.target - before.target) / result.answers) * 1e6,
    latency: result.latency,
    firstByte: result.firstByte,
    failures: result.failures,
    answers: result.answers,
    foreign: Math.max(0, (after.busy - before.busy - own) / seconds),
    result,
  };
}

function timesOf(stage: Stage, target: Target) {
  const own = stage.pids().reduce((sum, pid) => sum + processTime(pid), 0);
  return {
    atMs: performance.now(),
    busy: machineTime(),
    own,
    target: target === 'direct' ? 0 : processTime(stage[target].pid),
  };
}

/** Waits a little for others to finish; not for ever. */
async function waitForQuiet(stage: Stage): Promise<void> {
  for (let look = 0; look < MAX_LOOKS; look += 1) {
    const before = timesOf(stage, 'direct');
    await sleep(QUIET_LOOK_MS);
    const after = timesOf(stage, 'direct');
    const busy = after.busy - before.busy - (after.own - before.own);
    if (busy / (QUIET_LOOK_MS / 1_000) < QUIET) return;
  }
}

/** The medians of the quiet samples, or of all where none was quiet. */
export function medianOf(samples: readonly Sample[]): Sample {
  const quiet = samples.filter((sample) => sample.foreign < QUIET);
  const chosen = quiet.length > 0 ? quiet : samples;
  const [first] = chosen;
  if (first === undefined) throw new Error('there are no samples');
  const median = (read: (sample: Sample) => number): number => middle(chosen.map(read));
  const spread = (read: (sample: Sample) => Spread): Spread => ({
    p50: median((sample) => read(sample).p50),
    p99: median((sample) => read(sample).p99),
    max: median((sample) => read(sample).max),
  });
  const failures: Record<string, number> = {};
  for (const sample of samples) {
    for (const [why, count] of Object.entries(sample.failures)) {
      failures[why] = (failures[why] ?? 0) + count;
    }
  }
  return {
    target: first.target,
    rate: median((sample) => sample.rate),
    cpuUs: median((sample) => sample.cpuUs),
    latency: spread((sample) => sample.latency),
    firstByte: spread((sample) => sample.firstByte),
    failures,
    answers: samples.reduce((sum, sample) => sum + sample.answers, 0),
    foreign: median((sample) => sample.foreign),
  };
}

function middle(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? 0) + upper) / 2;
}
