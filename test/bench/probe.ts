// Loaded into the router with --import: tells the bench how long its event loop was kept busy at a time.
import { monitorEventLoopDelay } from 'node:perf_hooks';

import type { Question } from './parent.ts';

export interface LoopDelay {
  /** The longest that anything had to wait; on a busy machine also for the CPU. */
  readonly maxMs: number;
  /** The most CPU that the main thread used between two turns of its loop: what the router itself is to blame for. */
  readonly maxCpuMs: number;
}

const RESOLUTION_MS = 1;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
let maxCpu = 0;
let lastCpu = 0;
let watch: NodeJS.Timeout | undefined;

function cpu(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

function start(): null {
  maxCpu = 0;
  lastCpu = cpu();
  delay.reset();
  delay.enable();
  watch ??= setInterval(() => {
    const now = cpu();
    maxCpu = Math.max(maxCpu, now - lastCpu);
    lastCpu = now;
  }, RESOLUTION_MS).unref();
  return null;
}

function stop(): LoopDelay {
  clearInterval(watch);
  watch = undefined;
  delay.disable();
  return { maxMs: Math.max(0, delay.max / 1e6 - RESOLUTION_MS), maxCpuMs: maxCpu / 1e3 };
}

process.on('message', ({ id, name }: Question) => {
  process.send?.({ id, result: name === 'watchLoop' ? start() : stop() });
});
// The channel to the bench must not keep the router alive.
process.channel?.unref();
