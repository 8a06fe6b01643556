// Loaded into the router with --import: tells the bench how long its event loop was kept busy at a time.
import { monitorEventLoopDelay } from 'node:perf_hooks';

import type { Question } from './parent.ts';

const RESOLUTION_MS = 1;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();

process.on('message', ({ id, name }: Question) => {
  const result = {
    maxMs: Math.max(0, delay.max / 1e6 - RESOLUTION_MS),
    p99Ms: delay.percentile(99) / 1e6,
  };
  if (name === 'resetDelay') delay.reset();
  process.send?.({ id, result });
});
// The channel to the bench must not keep the router alive, nor its loss end it.
process.channel?.unref();
