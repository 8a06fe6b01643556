import type { NostrEvent } from '../../nostr/event.ts';
import { ANNOUNCEMENT, RECOMMENDATION } from './kinds.ts';
import { firstTag, tagValues } from './tags.ts';
import type { Version } from './version.ts';
import { replaces } from './version.ts';

/** What an anchor says of a node. */
export interface Review {
  /** The anchor's key. */
  readonly anchor: string;
  readonly label: string;
  readonly positive: boolean;
  /** Unix seconds. */
  readonly createdAt: number;
}

/** A kind 38425 of an anchor, or a 38000 that recommends nodes. */
export interface ReviewEvent extends Version {
  readonly anchor: string;
  readonly nodes: readonly string[];
  readonly label: string;
}

const RECOMMENDED = 'recommended';
const POSITIVE = new Set(['trusted', 'verified', 'lgtm', 'lgtm2', RECOMMENDED]);
const NEGATIVE = new Set(['suspicious', 'avoid', 'blacklisted', 'removed']);
const MAX_LABEL_CHARS = 40;

/** A review as Routstr's SDK reads it: the first `t` in lower case is the label, and every `node` counts. */
export function readReview(event: NostrEvent): ReviewEvent {
  const isRecommendation = event.kind === RECOMMENDATION;
  const nodes = isRecommendation ? recommendedNodes(event) : tagValues(event, 'node');
  const label = isRecommendation ? RECOMMENDED : (firstTag(event, 't') ?? '');
  return {
    anchor: event.pubkey,
    id: event.id,
    createdAt: event.created_at,
    nodes: [...new Set(nodes.filter((node) => /^[0-9a-f]{64}$/.test(node)))],
    label: label.slice(0, MAX_LABEL_CHARS).toLowerCase(),
  };
}

/** Does a kind 38000 speak of nodes, and not of mints? */
export function recommendsNodes(event: NostrEvent): boolean {
  return firstTag(event, 'k') === String(ANNOUNCEMENT);
}

/** The keys in its `a` tags: its `d` alone would confuse nodes that chose the same one. */
function recommendedNodes(event: NostrEvent): readonly string[] {
  return tagValues(event, 'a').flatMap((address) => {
    const [kind, key = ''] = address.split(':');
    return kind === String(ANNOUNCEMENT) ? [key] : [];
  });
}

/** The newest of each anchor for each node. One whose label is neither good nor bad takes its anchor's older word back. */
export function newestReviews(
  events: Iterable<ReviewEvent>,
): ReadonlyMap<string, readonly Review[]> {
  const newest = new Map<string, Map<string, ReviewEvent>>();
  for (const event of events) {
    for (const node of event.nodes) {
      const ofNode = newest.get(node) ?? new Map<string, ReviewEvent>();
      newest.set(node, ofNode);
      if (replaces(event, ofNode.get(event.anchor))) ofNode.set(event.anchor, event);
    }
  }
  return new Map(
    [...newest].flatMap(([node, ofNode]) => {
      const reviews = [...ofNode.values()].flatMap(judgement);
      return reviews.length === 0 ? [] : [[node, reviews]];
    }),
  );
}

function judgement({ anchor, label, createdAt }: ReviewEvent): readonly Review[] {
  if (!POSITIVE.has(label) && !NEGATIVE.has(label)) return [];
  return [{ anchor, label, positive: POSITIVE.has(label), createdAt }];
}
