import type { Clock } from '../lib/clock.ts';
import type { Filter, NostrEvent } from '../nostr/event.ts';
import type { RelayLink } from '../nostr/relay-link.ts';
import {
  ALIASES,
  ANNOUNCEMENT,
  CURATED,
  DELETION,
  RECOMMENDATION,
  REVIEW,
} from './registry/kinds.ts';
import type { Registry } from './registry/registry.ts';
import { createBacklog } from './relay-backlog.ts';
import type { Page } from './relay-backlog.ts';

/** Reads one relay into the registry: what it pushes, what it has stored, and what it has of keys we know. */
export interface RelayReader {
  start(): void;
  /** Ends reading. The link stays open. */
  stop(): void;
}

export interface RelayReaderParts {
  readonly registry: Pick<Registry, 'wanted' | 'ingest'>;
  /** Keys whose announcements are asked for by name, so that no flood crowds them out. */
  readonly knownKeys: () => readonly string[];
  readonly anchors: readonly string[];
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
}

const LIMIT = 500;
const LIVE_SINCE_S = 600;
const DELETIONS_SINCE_S = 86_400;
const KEYS_PER_FILTER = 200;
const MAX_KNOWN_KEYS = 20_000;
const STORED_EVERY_MS = 6 * 3_600_000;
const JITTER = 0.2;

const ANNOUNCEMENTS: Filter = { kinds: [ANNOUNCEMENT] };
/** Squatters on the kind do not say this; where there are thousands of them, it finds who does. */
const MARKED: Filter = { ...ANNOUNCEMENTS, '#t': ['routstr'] };
const DELETIONS: Filter = { kinds: [DELETION], '#k': [String(ANNOUNCEMENT)] };

export function createRelayReader(link: RelayLink, parts: RelayReaderParts): RelayReader {
  let hasStopped = false;
  const isStopped = (): boolean => hasStopped;
  const backlogs = [...wordFilters(parts), MARKED, ANNOUNCEMENTS].map((filter) =>
    createBacklog({ filter, clock: parts.clock, isStopped, readPage: pageReader(link, parts) }),
  );
  let isReading = false;
  let timer: NodeJS.Timeout | undefined;
  let subscription: { close(): void } | undefined;

  /** One at a time: a relay that reconnects often is not asked more often. */
  const readStored = async (): Promise<void> => {
    if (isReading) return;
    isReading = true;
    for (const backlog of backlogs) await backlog.read();
    await readKnownKeys(link, parts, isStopped);
    isReading = false;
  };
  const readLater = (): void => {
    const afterMs = STORED_EVERY_MS * (1 - JITTER / 2 + JITTER * parts.random());
    timer = setTimeout(() => void readAgain(), afterMs).unref();
  };
  const readAgain = async (): Promise<void> => {
    await readStored();
    if (!hasStopped) readLater();
  };
  return {
    start() {
      subscription = link.subscribe(liveFilters(parts), {
        ...handlers(link, parts),
        // Comes with each new connection.
        onStored({ how }) {
          if (how === 'eose' || how === 'timeout') void readStored();
        },
      });
      readLater();
    },
    stop() {
      hasStopped = true;
      clearTimeout(timer);
      subscription?.close();
    },
  };
}

function liveFilters(parts: RelayReaderParts): readonly Filter[] {
  const nowS = Math.floor(parts.clock.now() / 1000);
  return [
    { ...ANNOUNCEMENTS, since: nowS - LIVE_SINCE_S, limit: LIMIT },
    { ...DELETIONS, since: nowS - DELETIONS_SINCE_S, limit: LIMIT },
    ...wordFilters(parts).map((filter) => ({ ...filter, limit: LIMIT })),
  ];
}

/** What anchors say, and take back. */
function wordFilters({ anchors }: RelayReaderParts): readonly Filter[] {
  const kinds = [REVIEW, RECOMMENDATION, CURATED, ALIASES, DELETION];
  return anchors.length === 0 ? [] : [{ kinds, authors: anchors }];
}

function handlers(link: RelayLink, { registry }: RelayReaderParts) {
  return {
    wanted: (event: NostrEvent) => registry.wanted(event, link.url),
    onEvent: (event: NostrEvent) => registry.ingest(event, link.url),
  };
}

function pageReader(link: RelayLink, parts: RelayReaderParts): (filter: Filter) => Promise<Page> {
  const { wanted, onEvent } = handlers(link, parts);
  return async (filter) => {
    let oldest: number | undefined;
    const { how } = await link.query([filter], {
      wanted(event) {
        oldest = Math.min(oldest ?? Infinity, event.created_at);
        return wanted(event);
      },
      onEvent,
    });
    return { isWhole: how === 'eose', oldest };
  };
}

async function readKnownKeys(
  link: RelayLink,
  parts: RelayReaderParts,
  isStopped: () => boolean,
): Promise<void> {
  const keys = parts.knownKeys().slice(0, MAX_KNOWN_KEYS);
  for (let at = 0; at < keys.length && !isStopped(); at += KEYS_PER_FILTER) {
    const authors = keys.slice(at, at + KEYS_PER_FILTER);
    const filters = [ANNOUNCEMENTS, DELETIONS].map((kind) => ({ ...kind, authors, limit: LIMIT }));
    const { how } = await link.query(filters, handlers(link, parts));
    // It does not answer, or wants no more of this.
    if (how !== 'eose') return;
  }
}
