import { stat } from 'node:fs/promises';

import type { Log } from '../../lib/log.ts';
import { readDecisions } from '../decision-file.ts';
import type { Decision, Decisions } from '../decision-file.ts';

/** The operator's decisions as the file holds them now, or held them when it was last without fault. */
export interface LiveDecisions {
  of(pubkey: string): Decision | undefined;
  /** Reads the file, then looks every second whether it changed. Rejects when it is faulty now: whom it blocks would be bought from. */
  start(): Promise<void>;
  stop(): void;
}

export interface DecisionsOptions {
  readonly file: string;
  readonly log: Log;
  /** Told the keys whose decision may have changed. */
  readonly onChange: (pubkeys: Iterable<string>) => void;
  readonly pollMs?: number | undefined;
}

const POLL_MS = 1_000;

export function createDecisions(options: DecisionsOptions): LiveDecisions {
  const { file, log, onChange, pollMs = POLL_MS } = options;
  let decisions: Decisions = new Map();
  let seen: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let complaint: string | undefined;

  const complain = (error: unknown): void => {
    const why = error instanceof Error ? error.message : 'unknown';
    // An editor that writes in pieces shows several faulty files.
    if (why === complaint) return;
    complaint = why;
    log.warn({ err: error }, 'the decisions about nodes could not be read; the last ones hold');
  };

  const look = async (): Promise<void> => {
    const version = await versionOf(file);
    if (version === seen) return;
    seen = version;
    const before = decisions;
    decisions = await readDecisions(file);
    complaint = undefined;
    onChange(new Set([...before.keys(), ...decisions.keys()]));
  };
  const lookLater = (): void => {
    if (!isStopped) timer = setTimeout(() => void round(), pollMs).unref();
  };
  const round = async (): Promise<void> => {
    try {
      await look();
    } catch (error) {
      seen = undefined;
      complain(error);
    }
    lookLater();
  };

  return {
    of: (pubkey) => decisions.get(pubkey),
    async start() {
      await look();
      lookLater();
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

async function versionOf(file: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(file);
    return `${mtimeMs} ${size} ${ino}`;
  } catch (error) {
    // Reading it tells what is wrong.
    return error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
  }
}
