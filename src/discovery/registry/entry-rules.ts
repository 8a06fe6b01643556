import type { NostrEvent } from '../../nostr/event.ts';
import type { AnchorWords } from './anchor-words.ts';
import type { CheckUrl } from './announcement-event.ts';
import { announcesNode } from './announcement-event.ts';
import type { Deletions } from './deletions.ts';
import { deletedCoordinates } from './deletions.ts';
import type { HintEvents } from './hint-events.ts';
import { ALIASES, ANNOUNCEMENT, CURATED, DELETION, RECOMMENDATION, REVIEW } from './kinds.ts';
import type { Quotas } from './quotas.ts';
import type { Shelf } from './shelf.ts';
import { coordinateOf, expiryOf, hasUsableD, tagValues } from './tags.ts';
import { replaces } from './version.ts';

/** What an event is to the registry. */
export type Entry = 'announcement' | 'hints' | 'word' | 'deletion';

export interface RuleParts {
  readonly shelf: Shelf;
  readonly words: AnchorWords;
  readonly hintEvents: HintEvents;
  readonly deletions: Deletions;
  readonly quotas: Quotas;
  readonly checkUrl: CheckUrl;
  /** Unix seconds. */
  readonly nowS: () => number;
}

/** 2025-01-01: nobody announced before. */
const EARLIEST_S = 1_735_689_600;
const MAX_AHEAD_S = 900;

/**
 * What an event of the right form would be, if its signature is right; undefined: nothing that is wanted. Cheap and without
 * effect, so that it comes before the signature: what is known, old, expired, deleted, foreign or too much costs no verification.
 */
export function entryOf(event: NostrEvent, relay: string, parts: RuleParts): Entry | undefined {
  const now = parts.nowS();
  if (event.created_at <= EARLIEST_S || event.created_at > now + MAX_AHEAD_S) return undefined;
  if (event.kind === DELETION) {
    return deletedBy(event, parts).size > 0 ? 'deletion' : undefined;
  }
  if (isHeld(event, parts)) return undefined;
  const entry = addressedEntry(event, parts);
  if (entry === undefined || (expiryOf(event) ?? Infinity) <= now) return undefined;
  return isNews(event, entry, parts) && hasRoom(event, relay, entry, parts) ? entry : undefined;
}

/** Each relay tells most announcements several times: what is on the shelf is not read again. */
function isHeld(event: NostrEvent, { shelf }: RuleParts): boolean {
  const version = { id: event.id, createdAt: event.created_at };
  const held = shelf.at(coordinateOf(event))?.announcement;
  return held !== undefined && !replaces(version, held);
}

function addressedEntry(event: NostrEvent, { words, checkUrl, hintEvents }: RuleParts) {
  if (!hasUsableD(event)) return undefined;
  switch (event.kind) {
    case ANNOUNCEMENT:
      if (announcesNode(event, checkUrl)) return 'announcement';
      return hintEvents.reads(event) ? 'hints' : undefined;
    case REVIEW:
    case RECOMMENDATION:
    case CURATED:
    case ALIASES:
      return words.reads(event) ? 'word' : undefined;
    default:
      return undefined;
  }
}

function isNews(event: NostrEvent, entry: Entry, parts: RuleParts): boolean {
  const coordinate = coordinateOf(event);
  const held = {
    announcement: parts.shelf.at(coordinate)?.announcement,
    hints: parts.hintEvents.version(coordinate),
    word: parts.words.version(coordinate),
    deletion: undefined,
  }[entry];
  if (!replaces({ id: event.id, createdAt: event.created_at }, held)) return false;
  return !parts.deletions.covers(coordinate, event.created_at);
}

function hasRoom(event: NostrEvent, relay: string, entry: Entry, parts: RuleParts): boolean {
  if (entry !== 'announcement') return true;
  const isKnown = parts.shelf.at(coordinateOf(event)) !== undefined;
  return parts.quotas.admits(event, sourceOf(event, relay, parts), isKnown);
}

/** Whose share of the room an announcement takes: nodes of which an anchor speaks have their own, which no flood can fill. */
export function sourceOf(event: NostrEvent, relay: string, { words }: RuleParts): string {
  return words.reviews().has(event.pubkey) ? 'anchors' : relay;
}

/**
 * What a kind 5 deletes that is not deleted yet: coordinate -> up to which second. Only addresses of its own key, of kinds that are
 * kept.
 */
export function deletedBy(
  event: NostrEvent,
  { shelf, words, deletions }: RuleParts,
): ReadonlyMap<string, number> {
  const deleted = new Map<string, number>();
  for (const id of tagValues(event, 'e')) {
    const coordinate = shelf.coordinateOf(id);
    if (coordinate === undefined) continue;
    const held = shelf.at(coordinate)?.announcement;
    if (held === undefined || held.pubkey !== event.pubkey) continue;
    // The id deletes that version, and so those before it.
    deleted.set(coordinate, held.createdAt);
  }
  for (const coordinate of deletedCoordinates(event)) {
    const isKept =
      coordinate.startsWith(`${ANNOUNCEMENT}:`) || words.version(coordinate) !== undefined;
    if (isKept) deleted.set(coordinate, event.created_at);
  }
  return new Map([...deleted].filter(([coordinate, upTo]) => !deletions.covers(coordinate, upTo)));
}
