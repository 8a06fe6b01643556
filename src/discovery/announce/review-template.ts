import type { EventTemplate } from '../../nostr/event.ts';

const REVIEW_KIND = 38425;

/** What our own dealings with a node say of it, in words that Routstr's clients know. */
export type Judgement = 'verified' | 'avoid';

/** Our review of a node (kind 38425), in Routstr's form; a newer one takes its place. */
export function reviewOf(node: string, judgement: Judgement, createdAt: number): EventTemplate {
  return {
    kind: REVIEW_KIND,
    created_at: createdAt,
    tags: [
      ['d', node],
      ['node', node],
      ['t', judgement],
    ],
    content: '',
  };
}
