import type { Usage } from '../../tokens/usage.ts';
import type { PriceSnapshot } from '../snapshot.ts';

/**
 * One part of a price: what it adds, in pico-msat, to `before`, which is what the components before it in the list came to.
 * Never negative.
 */
export type Component = (snapshot: PriceSnapshot, usage: Usage, before: bigint) => bigint;
