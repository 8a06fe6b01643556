import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { NostrEvent } from '../../nostr/event.ts';
import type { Store } from '../../store/store.ts';
import type { Announcement } from '../announcement.ts';
import { createAnchorWords } from './anchor-words.ts';
import type { CheckUrl } from './announcement-event.ts';
import { readAnnouncement } from './announcement-event.ts';
import type { Archive } from './archive.ts';
import { createArchive } from './archive.ts';
import { createDeletions } from './deletions.ts';
import type { RuleParts } from './entry-rules.ts';
import { deletedBy, entryOf, sourceOf } from './entry-rules.ts';
import { createHintEvents } from './hint-events.ts';
import { ANNOUNCEMENT } from './kinds.ts';
import { createQuotas } from './quotas.ts';
import type { Review } from './review.ts';
import type { Held } from './shelf.ts';
import { createShelf } from './shelf.ts';
import type { StringPool } from './string-pool.ts';
import { createStringPool } from './string-pool.ts';
import { coordinateOf, expiryOf } from './tags.ts';

/**
 * What relays have told of nodes, as far as it counts. Only a key's own events and time take anything away, no relay's silence.
 */
export interface Registry {
  /**
   * Whether an event that has the right form is worth its signature's check: the cheap rules. Says nothing about its signature,
   * and changes nothing.
   */
  wanted(event: NostrEvent, relay: string): boolean;
  /** Takes an event whose signature is right; one that is not wanted (any more) changes nothing. */
  ingest(event: NostrEvent, relay: string): void;
  /** The newest of each (pubkey, d), unexpired, in the order they were first seen; the same array until something changes. */
  announcements(): readonly Announcement[];
  /** Node's key -> the newest word of each anchor on it; the same map until one says something. */
  reviews(): ReadonlyMap<string, readonly Review[]>;
  /** Model id as some nodes spell it -> canonical id; replaced as a whole. */
  aliases(): ReadonlyMap<string, string>;
  /** Anchor -> keys of nodes that it warns of; the same map until one says something. */
  blacklisted(): ReadonlyMap<string, readonly string[]>;
  /** URLs that other signers say are nodes: hints, not facts. */
  hints(): readonly string[];
  /** Drops an address; its next announcement brings it back. */
  forget(pubkey: string, d: string): void;
  /** What has expired makes room for others; no older version takes its place. */
  tidy(): void;
  /** Whether there is little room left for what some relay tells. */
  isCrowded(): boolean;
  /** Called after each change of what the calls above return. */
  onChange(listener: () => void): void;
  /** Before `start`: loads what the anchors said, and what these keys announced. */
  warmUp(pubkeys: Iterable<string>): Promise<void>;
  /** Resolves when what is stored is loaded, in slices; until then nothing may be ingested. */
  start(): Promise<void>;
  /** Resolves when all is written. */
  stop(): Promise<void>;
}

export interface RegistryOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly checkUrl: CheckUrl;
  /** Keys whose reviews and lists count, the operator's first choice first. */
  readonly anchors: readonly string[];
  /** How many relays tell it: they share the room. */
  readonly relayCount: number;
}

const EXPIRY_CHECK_MS = 30_000;

/** All that the registry holds. */
interface Parts extends RuleParts {
  readonly clock: Clock;
  /** No moment twice, so that the order of first sight is the same after a restart. Unix ms. */
  readonly nextSightMs: () => number;
  readonly pool: StringPool;
  readonly archive: Archive;
}

export function createRegistry(options: RegistryOptions): Registry {
  const parts = createParts(options);
  const { shelf, words, hintEvents, archive } = parts;
  const listeners: (() => void)[] = [];
  let expiryTimer: NodeJS.Timeout | undefined;
  let loadingWords: Promise<void> | undefined;
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  return {
    wanted: (event, relay) => entryOf(event, relay, parts) !== undefined,
    ingest(event, relay) {
      if (take(event, relay, parts)) changed();
    },
    announcements: () => shelf.current(),
    reviews: () => words.reviews(),
    aliases: () => words.aliases(),
    blacklisted: () => words.blacklisted(),
    hints: () => hintEvents.urls(),
    forget(pubkey, d) {
      removeAnnouncement(`${ANNOUNCEMENT}:${pubkey}:${d}`, parts);
      changed();
    },
    tidy: () => dropExpired(parts),
    isCrowded: () => parts.quotas.isCrowded(),
    onChange: (listener) => void listeners.push(listener),
    async warmUp(pubkeys) {
      await (loadingWords ??= loadWords(parts));
      for (const held of await archive.announcementsOf(pubkeys, parts.pool)) recall(held, parts);
      changed();
    },
    async start() {
      await (loadingWords ??= loadWords(parts));
      await loadAnnouncements(parts);
      changed();
      expiryTimer = setInterval(() => {
        if (shelf.hasExpired()) changed();
      }, EXPIRY_CHECK_MS);
    },
    async stop() {
      clearInterval(expiryTimer);
      await archive.flush();
    },
  };
}

function createParts({ store, clock, log, checkUrl, anchors, relayCount }: RegistryOptions): Parts {
  const nowS = (): number => Math.floor(clock.now() / 1000);
  let lastSightMs = 0;
  return {
    shelf: createShelf(nowS),
    words: createAnchorWords(anchors),
    hintEvents: createHintEvents(checkUrl),
    deletions: createDeletions(),
    quotas: createQuotas(relayCount + 1, () => clock.now()),
    archive: createArchive(store, log),
    pool: createStringPool(),
    checkUrl,
    nowS,
    nextSightMs: () => (lastSightMs = Math.max(clock.now(), lastSightMs + 1)),
    clock,
  };
}

/** Whether the event changed anything. */
function take(event: NostrEvent, relay: string, parts: Parts): boolean {
  // Asked again: while the signature was checked, a newer version may have come.
  const entry = entryOf(event, relay, parts);
  if (entry === 'announcement') return takeAnnouncement(event, relay, parts);
  if (entry === 'word') return takeWord(event, parts);
  if (entry === 'hints') parts.hintEvents.take(event);
  if (entry === 'deletion') takeDeletion(event, parts);
  return entry !== undefined;
}

function takeAnnouncement(event: NostrEvent, relay: string, parts: Parts): boolean {
  const { shelf, quotas, archive, pool } = parts;
  const announcement = readAnnouncement(event, parts.checkUrl, pool);
  if (announcement === undefined) return false;
  const coordinate = coordinateOf(event);
  const before = shelf.at(coordinate);
  const source = before?.source ?? pool.same(sourceOf(event, relay, parts));
  if (before === undefined) quotas.added(event.pubkey, source);
  else quotas.replaced(event);
  const held: Held = {
    announcement,
    source,
    seenAtMs: before?.seenAtMs ?? parts.nextSightMs(),
  };
  shelf.put(coordinate, held);
  archive.keepAnnouncement(held);
  return true;
}

function takeWord(event: NostrEvent, { words, archive }: Parts): boolean {
  if (!words.take(event)) return false;
  archive.keepAnchorEvent(coordinateOf(event), event);
  return true;
}

function takeDeletion(event: NostrEvent, parts: Parts): void {
  const { shelf, words, deletions, archive, clock } = parts;
  for (const [coordinate, upTo] of deletedBy(event, parts)) {
    const version = shelf.at(coordinate)?.announcement ?? words.version(coordinate);
    const isHeld = version !== undefined;
    const forgotten = deletions.remember(coordinate, upTo, isHeld);
    archive.keepDeletion({ coordinate, upTo, isHeld }, clock.now());
    if (forgotten !== undefined) archive.dropDeletion(forgotten);
    if (version === undefined || version.createdAt > upTo) continue;
    removeAnnouncement(coordinate, parts);
    words.remove(coordinate);
    archive.dropAnchorEvent(coordinate);
  }
}

/** An announcement without an expiry may be told again at any time, so that older versions are remembered as deleted. */
function dropExpired(parts: Parts): void {
  const { shelf, deletions, archive, clock, nowS } = parts;
  for (const [coordinate, { createdAt }] of shelf.expired(nowS())) {
    removeAnnouncement(coordinate, parts);
    const forgotten = deletions.remember(coordinate, createdAt, false);
    archive.keepDeletion({ coordinate, upTo: createdAt, isHeld: false }, clock.now());
    if (forgotten !== undefined) archive.dropDeletion(forgotten);
  }
}

function removeAnnouncement(coordinate: string, { shelf, quotas, archive }: Parts): void {
  const held = shelf.at(coordinate);
  if (held === undefined) return;
  const { pubkey, d } = held.announcement;
  shelf.remove(coordinate);
  quotas.removed(pubkey, held.source);
  archive.dropAnnouncement(pubkey, d);
}

async function loadWords({ words, deletions, archive, nowS }: Parts): Promise<void> {
  const stored = await archive.words();
  for (const { coordinate, upTo, isHeld } of stored.deletions) {
    deletions.remember(coordinate, upTo, isHeld);
  }
  for (const event of stored.anchorEvents) {
    // The operator may have chosen other anchors since.
    if (words.reads(event) && (expiryOf(event) ?? Infinity) > nowS()) words.take(event);
  }
}

async function loadAnnouncements(parts: Parts): Promise<void> {
  const all: Held[] = [];
  for await (const slice of parts.archive.announcements(parts.pool)) all.push(...slice);
  all.sort((one, other) => one.seenAtMs - other.seenAtMs);
  for (const held of all) recall(held, parts);
}

/** One that is known already takes its place in the order. */
function recall(stored: Held, { shelf, quotas }: Parts): void {
  const { pubkey, d } = stored.announcement;
  const coordinate = `${ANNOUNCEMENT}:${pubkey}:${d}`;
  const known = shelf.at(coordinate);
  if (known === undefined) quotas.added(pubkey, stored.source);
  else shelf.remove(coordinate);
  shelf.put(coordinate, known ?? stored);
}
