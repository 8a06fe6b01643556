import type { AnchorWord } from './level.ts';

/** What the anchors say of nodes. */
export interface AnchorWords {
  of(pubkey: string): readonly AnchorWord[];
  isBlacklisted(pubkey: string): boolean;
  /** Replaces all; returns the keys of which something is or was said. */
  set(reviews: Reviews, blacklisted: Iterable<string>): ReadonlySet<string>;
}

/** The newest review of each anchor, by the node's public key. */
export type Reviews = ReadonlyMap<
  string,
  readonly Pick<AnchorWord, 'anchor' | 'label' | 'positive'>[]
>;

/** Whose words count, chosen by the operator. */
export interface Anchor {
  readonly pubkey: string;
  /** Above 0, up to 1. Positive words of 1 together make a proven node a good one. */
  readonly weight: number;
  /** Its negative word alone blocks. */
  readonly mayBlock: boolean;
}

const NO_WORDS: readonly AnchorWord[] = [];

export function createAnchorWords(anchors: readonly Anchor[]): AnchorWords {
  const anchorOf = new Map(anchors.map((anchor) => [anchor.pubkey, anchor]));
  const mayBlacklist = anchors.some(({ mayBlock }) => mayBlock);
  let words: ReadonlyMap<string, readonly AnchorWord[]> = new Map();
  let blacklist: ReadonlySet<string> = new Set();

  return {
    of: (pubkey) => words.get(pubkey) ?? NO_WORDS,
    isBlacklisted: (pubkey) => blacklist.has(pubkey),
    set(reviews, blacklisted) {
      const before = [...words.keys(), ...blacklist];
      words = new Map(
        [...reviews].map(([node, said]) => [
          node,
          said.flatMap(({ anchor, label, positive }) => {
            const known = anchorOf.get(anchor);
            if (known === undefined) return [];
            const { weight, mayBlock } = known;
            return [{ anchor, label, positive, weight, mayBlock }];
          }),
        ]),
      );
      blacklist = new Set(mayBlacklist ? blacklisted : []);
      return new Set([...before, ...words.keys(), ...blacklist]);
    },
  };
}
