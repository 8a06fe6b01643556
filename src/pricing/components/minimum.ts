import type { Component } from './component.ts';

/** Lifts the price to the provider's minimum. Comes last. */
export const minimum: Component = (snapshot, _usage, before) =>
  before < snapshot.minimumPmsat ? snapshot.minimumPmsat - before : 0n;
