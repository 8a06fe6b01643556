import { setTimeout as sleep } from 'node:timers/promises';

import type { Clock } from '../lib/clock.ts';
import type { Filter } from '../nostr/event.ts';

/** The stored events of a relay that match one filter, read page by page from the newest. */
export interface Backlog {
  /**
   * Reads what is new, then goes on where the last reading was cut off; ends when all is read, or for now. All is read again a day
   * later: there may be room now for what there was none for. Never rejects.
   */
  read(): Promise<void>;
}

export interface BacklogParts {
  readonly filter: Filter;
  readonly readPage: (filter: Filter) => Promise<Page>;
  readonly clock: Clock;
  readonly isStopped: () => boolean;
}

export interface Page {
  /** It came to its end. */
  readonly isWhole: boolean;
  /** `created_at` of the oldest event on it; undefined: there was none. */
  readonly oldest: number | undefined;
}

const PAGE_EVENTS = 500;
/** What was published while we were away is on the first pages. */
const NEWEST_PAGES = 5;
const MAX_PAGES = 200;
const MAX_READING_MS = 600_000;
const ALL_AGAIN_MS = 24 * 3_600_000;
/** After that, so slowly that no relay link takes it for a flood. */
const FAST_PAGES = 20;
const PACE_MS = 2_000;

interface Progress {
  readonly how: 'all' | 'cut off' | 'failed';
  /** Where to go on: `until` of the next page. */
  readonly until: number | undefined;
}

export function createBacklog(parts: BacklogParts): Backlog {
  const { clock } = parts;
  let readAllAtMs = -Infinity;
  let resumeAt: number | undefined;
  const hasReadAll = (): boolean => clock.now() - readAllAtMs < ALL_AGAIN_MS;
  const note = ({ how, until }: Progress): void => {
    if (how === 'all') readAllAtMs = clock.now();
    resumeAt = how === 'all' ? undefined : until;
  };
  return {
    async read() {
      const newest = await readPages(parts, NEWEST_PAGES, undefined);
      if (newest.how === 'all') note(newest);
      if (hasReadAll() || newest.how === 'failed') return;
      note(await readPages(parts, MAX_PAGES, resumeAt ?? newest.until));
    },
  };
}

/** Relays clamp a page silently, so that a short one need not be the last: an empty one is. */
async function readPages(
  { filter, readPage, clock, isStopped }: BacklogParts,
  pages: number,
  from: number | undefined,
): Promise<Progress> {
  const endMs = clock.now() + MAX_READING_MS;
  let until = from;
  for (let page = 0; page < pages && clock.now() < endMs && !isStopped(); page += 1) {
    if (page >= FAST_PAGES) await sleep(PACE_MS, undefined, { ref: false });
    const bounded = { ...filter, limit: PAGE_EVENTS, ...(until === undefined ? {} : { until }) };
    const { isWhole, oldest } = await readPage(bounded);
    if (!isWhole) return { how: 'failed', until };
    if (oldest === undefined) return { how: 'all', until };
    // `until` is inclusive: where a page ends in the second it began with, the rest of that second is out of reach.
    until = until === undefined || oldest < until ? oldest : until - 1;
  }
  return { how: 'cut off', until };
}
