import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Operation } from '../../store/operation.ts';
import { all, run } from '../../store/operation.ts';
import type { Store } from '../../store/store.ts';
import type { Observation } from '../standing.ts';
import { faded, noExperience } from './experience.ts';
import type { Experience } from './experience.ts';
import { createMemory, MAX_EXPERIENCES } from './memory.ts';
import type { Unwritten } from './memory.ts';
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
  /** What was noted before counts too. */
  load(): Promise<void>;
  /** Writes what is not written yet. */
  flush(): Promise<void>;
}

const WRITE_DELAY_MS = 500;
const MICRO = 1_000_000;

export function createExperiences(parts: { store: Store; clock: Clock; log: Log }): Experiences {
  const { store, clock, log } = parts;
  const memory = createMemory();
  let loading: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let writing = Promise.resolve();

  const readAll = async (): Promise<void> => {
    const rows = await store.read(() => all(EXPERIENCES));
    memory.learn(rows.slice(-MAX_EXPERIENCES).map((row) => [row.pubkey, experienceOf(row)]));
  };
  const load = async (): Promise<void> => {
    loading ??= readAll();
    try {
      await loading;
    } catch (error) {
      loading = undefined;
      throw error;
    }
  };
  const write = async (): Promise<void> => {
    // What is written replaces what is stored, and so must contain it.
    await load();
    const batch = memory.takeUnwritten();
    if (batch.size === 0) return;
    try {
      await store.write(() => writeAll(batch));
    } catch (error) {
      memory.putBack(batch);
      throw error;
    }
  };
  const tryToWrite = async (): Promise<void> => {
    try {
      await write();
    } catch (error) {
      log.error({ err: error }, 'what was met with nodes could not be written; tried again');
    }
  };
  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    writing = writing.then(tryToWrite);
    return writing;
  };

  return {
    of(pubkey) {
      const experience = memory.get(pubkey);
      return experience === undefined ? noExperience(clock.now()) : faded(experience, clock.now());
    },
    has: (pubkey) => memory.get(pubkey) !== undefined,
    note(pubkey, observation) {
      memory.note({ pubkey, observation, atMs: clock.now() });
      timer ??= setTimeout(() => void flush(), WRITE_DELAY_MS).unref();
    },
    pubkeys: () => memory.pubkeys(),
    load,
    flush,
  };
}

function* writeAll(batch: Unwritten): Operation<void> {
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
    experience.paidMsat,
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
    paidMsat: row.paid_msat,
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
