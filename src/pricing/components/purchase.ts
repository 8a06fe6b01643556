import type { Component } from './component.ts';

/** What it costs to pay for the answer: mint fees and lost dust, once for every request that was served. */
export const purchase: Component = (snapshot) => snapshot.purchasePmsat;
