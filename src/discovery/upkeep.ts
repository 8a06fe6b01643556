import type { Clock } from '../lib/clock.ts';
import type { DiscoveryParts } from './discovery-parts.ts';
import { createTakeover } from './takeover.ts';
import type { TakeoverOptions } from './takeover.ts';
import { tidy } from './tidying.ts';

/** Keeps the market up to date with all that is told and found. */
export interface Upkeep {
  /** Before all is loaded: tells the watch and the trust whom is known so far. */
  takeOverSome(): void;
  /** All is loaded: tells them whom there is. */
  takeOver(): void;
  /** Brings the market up to date now. */
  refresh(): void;
  /** All is loaded: takes it over in slices, then keeps the market up to date. */
  start(): Promise<void>;
  stop(): void;
}

export interface UpkeepOptions extends TakeoverOptions {
  readonly clock: Clock;
}

const DELAY_MS = 250;
/** With thousands of nodes a change takes a while: then it waits longer for others, to cost a small share of the time. */
const MAX_DELAY_MS = 2_000;
const SHARE = 0.02;
const TIDY_MS = 600_000;

export function createUpkeep(
  parts: DiscoveryParts,
  options: UpkeepOptions,
  changed: () => void,
): Upkeep {
  const { registry, scout, watch, trust, market } = parts;
  const takeover = createTakeover(parts, options);
  let aliases: unknown;
  let lastMs = 0;
  let delay: NodeJS.Timeout | undefined;
  let tidying: NodeJS.Timeout | undefined;
  let isStopped = false;
  /** Before, the nodes that are known are a part of those that are stored. */
  let isWhole = false;

  const refresh = (): void => {
    clearTimeout(delay);
    delay = undefined;
    const began = performance.now();
    if (isWhole) takeover.all();
    takeover.words();
    const isRenamed = aliases !== registry.aliases();
    aliases = registry.aliases();
    if (market.refresh() || isRenamed) changed();
    lastMs = performance.now() - began;
  };
  const refreshSoon = (): void => {
    const delayMs = Math.min(MAX_DELAY_MS, Math.max(DELAY_MS, lastMs / SHARE));
    if (!isStopped) delay ??= setTimeout(refresh, delayMs);
  };
  const touch = (pubkey: string): void => {
    market.touch(pubkey);
    refreshSoon();
  };
  registry.onChange(() => {
    refreshSoon();
    if (registry.hints().length > 0) scout.hinted();
  });
  scout.onChange(refreshSoon);
  watch.onChange(touch);
  trust.onChange(touch);
  return {
    takeOverSome() {
      takeover.some();
      takeover.words();
    },
    takeOver() {
      isWhole = true;
      takeover.all();
      takeover.words();
    },
    refresh,
    async start() {
      await takeover.inSlices();
      if (isStopped) return;
      isWhole = true;
      refresh();
      tidying = setInterval(() => tidy(parts, options.clock.now()), TIDY_MS).unref();
    },
    stop() {
      isStopped = true;
      takeover.stop();
      clearTimeout(delay);
      clearInterval(tidying);
    },
  };
}
