import type { Clock } from '../lib/clock.ts';
import { createCooldowns } from './cooldown.ts';
import type { Cooldowns } from './cooldown.ts';
import { PRESETS } from './score.ts';
import type { RoutingPreset, RoutingWeights } from './score.ts';
import { createTracks } from './track.ts';
import type { Tracks } from './track.ts';

/** How upstreams are chosen, and what was learnt about them. One per router. */
export interface Routing {
  readonly weights: RoutingWeights;
  /** A second upstream is asked when the first is late. */
  readonly hedge: boolean;
  /** Sooner, none is late. */
  readonly hedgeMinMs: number;
  /** Upstreams tried for one request, hedges among them. */
  readonly maxAttempts: number;
  readonly tracks: Tracks;
  readonly cooldowns: Cooldowns;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Pico-msat per US dollar, for limits in USD; undefined while no rate is known. */
  readonly usdPmsat: () => bigint | undefined;
  readonly clock: Clock;
}

export interface RoutingOptions {
  readonly clock: Clock;
  readonly usdPmsat: () => bigint | undefined;
  /** Default: balanced. */
  readonly preset?: RoutingPreset | undefined;
  /** Instead of the preset's. */
  readonly weights?: RoutingWeights | undefined;
  /** Default: false. */
  readonly hedge?: boolean | undefined;
  /** Default: 500. */
  readonly hedgeMinMs?: number | undefined;
  /** Default: 4. */
  readonly maxAttempts?: number | undefined;
  readonly random?: (() => number) | undefined;
}

const DEFAULT_ATTEMPTS = 4;
const DEFAULT_HEDGE_MIN_MS = 500;

export function createRouting(options: RoutingOptions): Routing {
  const { clock, usdPmsat, preset = 'balanced' } = options;
  return {
    weights: options.weights ?? PRESETS[preset],
    hedge: options.hedge ?? false,
    hedgeMinMs: options.hedgeMinMs ?? DEFAULT_HEDGE_MIN_MS,
    maxAttempts: options.maxAttempts ?? DEFAULT_ATTEMPTS,
    tracks: createTracks({ clock }),
    cooldowns: createCooldowns({ clock }),
    random: options.random ?? Math.random,
    usdPmsat,
    clock,
  };
}
