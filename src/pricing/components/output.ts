import type { Component } from './component.ts';

/** Answer tokens other than reasoning. */
export const output: Component = (snapshot, usage) =>
  BigInt(usage.output - usage.reasoning) * snapshot.outputPmsat;
