import type { Clock } from '../lib/clock.ts';
import { createPairMap } from './pair-map.ts';

/** How a model at one provider has done lately. A live view: read it, do not keep it. */
export interface Track {
  /** Until the first chunk of a stream, ms, the latest counting most; undefined while there was none. */
  readonly firstByteMs: number | undefined;
  /** The same of its speed after that. */
  readonly tokensPerS: number | undefined;
  /** So many first chunks out of 100 come within this time, ms: 95. Undefined while too few were seen. */
  readonly p95FirstByteMs: number | undefined;
  /** How likely the next try is to be answered, above 0 and below 1; what is long ago counts little. */
  readonly success: number;
  /** Tries that run now. */
  readonly running: number;
}

/** What one answer showed. */
export interface Speed {
  readonly firstByteMs: number;
  /** Tokens of the answer, and the time from its first chunk to its end. */
  readonly tokens: number;
  readonly tokensMs: number;
}

/** The tracks of all that was tried, in memory, of bounded number. */
export interface Tracks {
  /** `model`: the provider's own name of it. */
  of(provider: string, model: string): Track | undefined;
  /** A try begins; ends with one of the other calls, exactly once. */
  started(provider: string, model: string): void;
  /** `speed`: of a stream. An answer in one piece takes as long as it is, which says nothing about the next. */
  answered(provider: string, model: string, speed: Speed | undefined): void;
  failed(provider: string, model: string): void;
  /** It was given up, for nothing that says whether it would have answered; but not within `afterMs`, where given. */
  abandoned(provider: string, model: string, afterMs: number | undefined): void;
}

interface Entry extends Track {
  running: number;
  started(): void;
  count(isOk: boolean): void;
  firstByte(ms: number): void;
  speed(tokensPerS: number): void;
}

const MAX_TRACKS = 10_000;
/** The share of the newest value in a moving average. */
const NEWEST = 0.2;
/** What was seen so long ago counts half. */
const HALF_LIFE_MS = 3_600_000;
/** Of a provider nobody has tried: 4 of 5 are answered. Five failures in a row bring it to 40 %. */
const ASSUMED_OK = 4;
const ASSUMED_FAILED = 1;
/** More would take too long to unlearn. */
const MAX_COUNTED = 200;
/** The last first chunks, for their 95th percentile. */
const KEPT = 64;
const MIN_KEPT = 20;
/** Shorter answers say little of a provider's speed. */
const MIN_TOKENS = 16;

export function createTracks(options: { readonly clock: Clock }): Tracks {
  const entries = createPairMap<Entry>(MAX_TRACKS);
  const entryOf = (provider: string, model: string): Entry => {
    const known = entries.get(provider, model);
    if (known !== undefined) return known;
    const entry = createEntry(options.clock);
    entries.set(provider, model, entry);
    return entry;
  };
  const ended = (provider: string, model: string): Entry => {
    const entry = entryOf(provider, model);
    entry.running = Math.max(0, entry.running - 1);
    return entry;
  };
  return {
    of: (provider, model) => entries.get(provider, model),
    started(provider, model) {
      entryOf(provider, model).started();
    },
    answered(provider, model, speed) {
      const entry = ended(provider, model);
      entry.count(true);
      if (speed === undefined) return;
      entry.firstByte(speed.firstByteMs);
      if (speed.tokens < MIN_TOKENS || speed.tokensMs <= 0) return;
      entry.speed((speed.tokens * 1000) / speed.tokensMs);
    },
    failed(provider, model) {
      ended(provider, model).count(false);
    },
    abandoned(provider, model, afterMs) {
      const entry = ended(provider, model);
      const usual = entry.firstByteMs ?? Infinity;
      if (afterMs !== undefined && afterMs > usual) entry.firstByte(afterMs);
    },
  };
}

function createEntry(clock: Clock): Entry {
  const kept = new Float64Array(KEPT);
  let seen = 0;
  let [ok, failed] = [0, 0];
  let countedAtMs = clock.now();
  let firstByteMs: number | undefined;
  let tokensPerS: number | undefined;

  const age = (): number => 0.5 ** (Math.max(0, clock.now() - countedAtMs) / HALF_LIFE_MS);

  return {
    running: 0,
    get firstByteMs() {
      return firstByteMs;
    },
    get tokensPerS() {
      return tokensPerS;
    },
    get p95FirstByteMs() {
      if (seen < MIN_KEPT) return undefined;
      const times = kept.slice(0, Math.min(seen, KEPT)).toSorted();
      return times[Math.ceil(times.length * 0.95) - 1];
    },
    get success() {
      const share = age();
      const good = ok * share + ASSUMED_OK;
      return good / (good + failed * share + ASSUMED_FAILED);
    },
    started() {
      this.running += 1;
    },
    count(isOk) {
      const room = (MAX_COUNTED - 1) / Math.max(MAX_COUNTED - 1, ok + failed);
      const share = age() * room;
      ok = ok * share + Number(isOk);
      failed = failed * share + Number(!isOk);
      countedAtMs = clock.now();
    },
    firstByte(ms) {
      kept[seen % KEPT] = ms;
      seen += 1;
      firstByteMs = average(firstByteMs, ms);
    },
    speed(value) {
      tokensPerS = average(tokensPerS, value);
    },
  };
}

function average(before: number | undefined, value: number): number {
  return before === undefined ? value : before + NEWEST * (value - before);
}
