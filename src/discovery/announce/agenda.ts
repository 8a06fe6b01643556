import type { Clock } from '../../lib/clock.ts';

/** When to announce, and why: at the start, regularly, or because the offer changed. */
export interface Agenda {
  due(): Occasion | undefined;
  changed(): void;
  /** What changed is not worth telling. */
  unchanged(): void;
  /** Relays were told at `atMs`, by this run or an earlier one. */
  told(atMs: number): void;
  /** Nothing can be told now: not asked again for so long. */
  withheld(pauseMs: number): void;
}

export type Occasion = 'start' | 'regular' | 'change';

const MINUTE_MS = 60_000;
const DEBOUNCE_MS = 30_000;
const MIN_GAP_MS = 10 * MINUTE_MS;
const REGULAR_MS = 6 * 60 * MINUTE_MS;
/** So that nodes do not speak in step. */
const JITTER = 0.1;

/** `random`: 0 up to 1. */
export function createAgenda(clock: Clock, random: () => number): Agenda {
  let toldMs: number | undefined;
  let regularMs = Infinity;
  let changedMs: number | undefined;
  let notBeforeMs = 0;

  const isChangeDue = (nowMs: number): boolean =>
    changedMs !== undefined &&
    nowMs >= Math.max(changedMs + DEBOUNCE_MS, (toldMs ?? 0) + MIN_GAP_MS);

  return {
    due() {
      const nowMs = clock.now();
      if (nowMs < notBeforeMs) return undefined;
      if (toldMs === undefined) return 'start';
      if (nowMs >= regularMs) return 'regular';
      return isChangeDue(nowMs) ? 'change' : undefined;
    },
    changed() {
      // From the first one on: changes that never rest are told too.
      changedMs ??= clock.now();
    },
    unchanged() {
      changedMs = undefined;
    },
    told(atMs) {
      toldMs = atMs;
      changedMs = undefined;
      regularMs = atMs + REGULAR_MS * (1 - JITTER + 2 * JITTER * random());
    },
    withheld(pauseMs) {
      notBeforeMs = clock.now() + pauseMs;
    },
  };
}
