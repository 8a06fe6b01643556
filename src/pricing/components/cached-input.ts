import type { Component } from './component.ts';

/** Prompt tokens that the upstream read from its cache. */
export const cachedInput: Component = (snapshot, usage) =>
  BigInt(usage.cachedInput) * snapshot.cachedInputPmsat;
