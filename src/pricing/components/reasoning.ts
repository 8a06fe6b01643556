import type { Component } from './component.ts';

/** Answer tokens that are reasoning, whether the payer is shown them or not. */
export const reasoning: Component = (snapshot, usage) =>
  BigInt(usage.reasoning) * snapshot.reasoningPmsat;
