import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Operation } from '../../store/operation.ts';
import { all, run } from '../../store/operation.ts';
import type { Store } from '../../store/store.ts';
import type { Observation } from '../standing.ts';
import { faded, noExperience, withObservation } from './experience.ts';
import type { Experience } from './experience.ts';
import { DELETE_EXPERIENCE, EXPERIENCES, UPSERT_EXPERIENCE } from './tables.ts';
import type { ExperienceRow } from './tables.ts';

/** What we met with each node, in memory and, a moment later, in the database. */
export interface Experiences {
  /** Faded to now; of a stranger: none. */
  of(pubkey: string): Experience;
  /** Whether anything was met with it. */
  has(pubkey: string): boolean;
  note(pubkey: string, observation: Observation): void;
  pubkeys(): Iterable<string>;
  load(): Promise<void>;
  /** Writes what is not written yet. */
  flush(): Promise<void>;
}

/** Beyond it the longest untouched are forgotten, those without a fault first. */
export const MAX_EXPERIENCES = 20_000;
const WRITE_DELAY_MS = 500;
const MICRO = 1_000_000;

export function createExperiences(parts: { store: Store; clock: Clock; log: Log }): Experiences {
  const { store, clock, log } = parts;
  /** Longest untouched first. */
  const known = new Map<string, Experience>();
  /** To be written; undefined: to be deleted. */
  let dirty = new Map<string, Experience | undefined>();
  let timer: NodeJS.Timeout | undefined;
  let writing = Promise.resolve();

  const forgetOne = (): void => {
    const pubkey = leastMissed(known);
    if (pubkey === undefined) return;
    known.delete(pubkey);
    dirty.set(pubkey, undefined);
  };
  const write = async (): Promise<void> => {
    const batch = dirty;
    dirty = new Map();
    if (batch.size === 0) return;
    try {
      await store.write(() => writeAll(batch));
    } catch (error) {
      for (const [pubkey, experience] of batch)
        if (!dirty.has(pubkey)) dirty.set(pubkey, experience);
      log.error({ err: error }, 'what was met with nodes could not be written; tried again');
    }
  };
  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    writing = writing.then(write);
    return writing;
  };

  return {
    of(pubkey) {
      const experience = known.get(pubkey);
      return experience === undefined ? noExperience(clock.now()) : faded(experience, clock.now());
    },
    has: (pubkey) => known.has(pubkey),
    note(pubkey, observation) {
      const nowMs = clock.now();
      const before = known.get(pubkey) ?? noExperience(nowMs);
      const after = withObservation(before, observation, nowMs);
      known.delete(pubkey);
      if (known.size >= MAX_EXPERIENCES) forgetOne();
      known.set(pubkey, after);
      dirty.set(pubkey, after);
      timer ??= setTimeout(() => void flush(), WRITE_DELAY_MS).unref();
    },
    pubkeys: () => known.keys(),
    async load() {
      const rows = await store.read(() => all(EXPERIENCES));
      for (const row of rows.slice(-MAX_EXPERIENCES)) known.set(row.pubkey, experienceOf(row));
    },
    flush,
  };
}

function leastMissed(known: ReadonlyMap<string, Experience>): string | undefined {
  for (const [pubkey, { faultsEver }] of known) if (faultsEver === 0) return pubkey;
  return known.keys().next().value;
}

function* writeAll(batch: ReadonlyMap<string, Experience | undefined>): Operation<void> {
  for (const [pubkey, experience] of batch) {
    if (experience === undefined) yield* run(DELETE_EXPERIENCE, pubkey);
    else yield* upsert(pubkey, experience);
  }
}

function upsert(pubkey: string, experience: Experience): Operation<number> {
  return run(
    UPSERT_EXPERIENCE,
    pubkey,
    BigInt(experience.paidRight),
    BigInt(experience.returns),
    experience.handledMsat,
    experience.lostMsat,
    BigInt(experience.faultsEver),
    micro(experience.faults),
    BigInt(Math.round(experience.unchecked)),
    micro(experience.successes),
    micro(experience.failures),
    BigInt(experience.atMs),
  );
}

function micro(value: number): bigint {
  return BigInt(Math.round(value * MICRO));
}

function experienceOf(row: ExperienceRow): Experience {
  return {
    paidRight: Number(row.paid_right),
    returns: Number(row.returns),
    handledMsat: row.handled_msat,
    lostMsat: row.lost_msat,
    faultsEver: Number(row.faults_ever),
    faults: Number(row.faults_micro) / MICRO,
    unchecked: Number(row.unchecked_msat),
    successes: Number(row.successes_micro) / MICRO,
    failures: Number(row.failures_micro) / MICRO,
    atMs: Number(row.at_ms),
  };
}
