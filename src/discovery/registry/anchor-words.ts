import type { NostrEvent } from '../../nostr/event.ts';
import { readAliases } from './aliases.ts';
import { readBlacklist } from './blacklist.ts';
import { ALIASES, CURATED, RECOMMENDATION, REVIEW } from './kinds.ts';
import type { Review, ReviewEvent } from './review.ts';
import { newestReviews, readReview, recommendsNodes } from './review.ts';
import { coordinateOf, firstTag } from './tags.ts';
import type { Version } from './version.ts';

/** What the anchors say: reviews of nodes, names for models, lists. */
export interface AnchorWords {
  /** Whether the event is an anchor's, of a kind and `d` that are read. */
  reads(event: NostrEvent): boolean;
  /** Takes the newer version of an event that is read; false where its content is malformed: then what is held stays. */
  take(event: NostrEvent): boolean;
  /** What is held of an address of an anchor. */
  version(coordinate: string): Version | undefined;
  remove(coordinate: string): void;
  reviews(): ReadonlyMap<string, readonly Review[]>;
  /** Of the first anchor that has such a list, in the operator's order. */
  aliases(): ReadonlyMap<string, string>;
  /** Anchor -> keys of the nodes that its list warns of. */
  blacklisted(): ReadonlyMap<string, readonly string[]>;
}

const MAX_REVIEW_EVENTS_PER_ANCHOR = 5_000;
const ALIASES_D = 'model-id-mappings';
const CURATED_D = 'routstr-21-models';

interface Word<T> extends Version {
  readonly said: T;
}

export function createAnchorWords(anchors: readonly string[]): AnchorWords {
  const reviewEvents = new Map<string, ReviewEvent>();
  const aliases = new Map<string, Word<ReadonlyMap<string, string>>>();
  const blacklists = new Map<string, Word<readonly string[]>>();
  const reviewCounts = new Map<string, number>();
  let reviews: ReadonlyMap<string, readonly Review[]> | undefined;
  let blacklisted: ReadonlyMap<string, readonly string[]> | undefined;

  const version = (coordinate: string): Version | undefined =>
    reviewEvents.get(coordinate) ?? aliases.get(coordinate) ?? blacklists.get(coordinate);

  const hasRoom = (event: NostrEvent): boolean =>
    reviewEvents.has(coordinateOf(event)) ||
    (reviewCounts.get(event.pubkey) ?? 0) < MAX_REVIEW_EVENTS_PER_ANCHOR;

  const isRead = (event: NostrEvent): boolean => {
    const d = firstTag(event, 'd');
    if (event.kind === REVIEW) return hasRoom(event);
    if (event.kind === RECOMMENDATION) return recommendsNodes(event) && hasRoom(event);
    return event.kind === ALIASES ? d === ALIASES_D : event.kind === CURATED && d === CURATED_D;
  };
  const firstAliases = (): ReadonlyMap<string, string> | undefined =>
    anchors
      .map((anchor) => aliases.get(`${ALIASES}:${anchor}:${ALIASES_D}`))
      .find((word) => word !== undefined)?.said;

  return {
    reads: (event) => anchors.includes(event.pubkey) && isRead(event),
    take(event) {
      const coordinate = coordinateOf(event);
      if (event.kind === ALIASES) return keep(aliases, event, readAliases(event.content));
      blacklisted = undefined;
      if (event.kind === CURATED) return keep(blacklists, event, readBlacklist(event.content));
      if (!reviewEvents.has(coordinate)) {
        reviewCounts.set(event.pubkey, (reviewCounts.get(event.pubkey) ?? 0) + 1);
      }
      reviewEvents.set(coordinate, readReview(event));
      reviews = undefined;
      return true;
    },
    version,
    remove(coordinate) {
      const review = reviewEvents.get(coordinate);
      if (review !== undefined) {
        reviewCounts.set(review.anchor, (reviewCounts.get(review.anchor) ?? 1) - 1);
      }
      reviewEvents.delete(coordinate);
      aliases.delete(coordinate);
      blacklists.delete(coordinate);
      reviews = undefined;
      blacklisted = undefined;
    },
    reviews: () => (reviews ??= newestReviews(reviewEvents.values())),
    aliases: () => firstAliases() ?? NO_ALIASES,
    blacklisted: () => (blacklisted ??= blacklistsOf(anchors, blacklists)),
  };
}

function blacklistsOf(
  anchors: readonly string[],
  blacklists: ReadonlyMap<string, Word<readonly string[]>>,
) {
  const listOf = (anchor: string): readonly string[] =>
    blacklists.get(`${CURATED}:${anchor}:${CURATED_D}`)?.said ?? [];
  return new Map(anchors.map((anchor) => [anchor, listOf(anchor)]));
}

const NO_ALIASES: ReadonlyMap<string, string> = new Map();

function keep<T>(words: Map<string, Word<T>>, event: NostrEvent, said: T | undefined): boolean {
  if (said === undefined) return false;
  words.set(coordinateOf(event), { id: event.id, createdAt: event.created_at, said });
  return true;
}
