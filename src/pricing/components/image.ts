import type { Component } from './component.ts';

/** Image parts of the prompt, where the provider prices them by the piece. */
export const image: Component = (snapshot, usage) => BigInt(usage.images) * snapshot.imagePmsat;
