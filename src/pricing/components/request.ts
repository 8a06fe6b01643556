import type { Component } from './component.ts';

/** A fixed amount for every request that was served, however little it used. */
export const request: Component = (snapshot) => snapshot.requestPmsat;
