import type { Observation } from '../standing.ts';
import { noExperience, withObservation } from './experience.ts';
import type { Experience } from './experience.ts';

/** What was met with nodes, and what of it is not written yet. */
export interface Memory {
  get(pubkey: string): Experience | undefined;
  pubkeys(): Iterable<string>;
  note(noted: Noted): void;
  /** What was stored, longest untouched first; all that was noted before comes on top of it. Called once. */
  learn(stored: Iterable<readonly [string, Experience]>): void;
  /** To be written (undefined: to be deleted), and from now on taken as written. */
  takeUnwritten(): Unwritten;
  /** It could not be written after all. */
  putBack(unwritten: Unwritten): void;
}

export interface Noted {
  readonly pubkey: string;
  readonly observation: Observation;
  /** Unix ms. */
  readonly atMs: number;
}

export type Unwritten = ReadonlyMap<string, Experience | undefined>;

/** Beyond it the longest untouched are forgotten, those without a fault first. */
export const MAX_EXPERIENCES = 20_000;

export function createMemory(): Memory {
  /** Longest untouched first. */
  const known = new Map<string, Experience>();
  let unwritten = new Map<string, Experience | undefined>();
  /** Noted before the rest was known; undefined from then on. */
  let early: Noted[] | undefined = [];

  const forgetOne = (): void => {
    const pubkey = leastMissed(known);
    if (pubkey === undefined) return;
    known.delete(pubkey);
    unwritten.set(pubkey, undefined);
  };
  const add = ({ pubkey, observation, atMs }: Noted): void => {
    const before = known.get(pubkey) ?? noExperience(atMs);
    const after = withObservation(before, observation, atMs);
    known.delete(pubkey);
    if (known.size >= MAX_EXPERIENCES) forgetOne();
    known.set(pubkey, after);
    unwritten.set(pubkey, after);
  };

  return {
    get: (pubkey) => known.get(pubkey),
    pubkeys: () => known.keys(),
    note(noted) {
      add(noted);
      if (early !== undefined && early.length < MAX_EXPERIENCES) early.push(noted);
    },
    learn(stored) {
      const again = early ?? [];
      early = undefined;
      known.clear();
      unwritten.clear();
      for (const [pubkey, experience] of stored) known.set(pubkey, experience);
      for (const noted of again) add(noted);
    },
    takeUnwritten() {
      const taken = unwritten;
      unwritten = new Map();
      return taken;
    },
    putBack(taken) {
      unwritten = new Map([...taken, ...unwritten]);
    },
  };
}

function leastMissed(known: ReadonlyMap<string, Experience>): string | undefined {
  for (const [pubkey, { faultsEver }] of known) if (faultsEver === 0) return pubkey;
  return known.keys().next().value;
}
