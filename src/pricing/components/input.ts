import type { Component } from './component.ts';

/** Prompt tokens that did not come from a cache. */
export const input: Component = (snapshot, usage) =>
  BigInt(usage.input - usage.cachedInput) * snapshot.inputPmsat;
