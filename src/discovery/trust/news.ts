import type { Standing } from '../standing.ts';

/** Tells listeners of nodes whose standing is another than they know. */
export interface News {
  /** Looks at these nodes. */
  tell(pubkeys: Iterable<string>): void;
  onChange(listener: (pubkey: string) => void): void;
}

const MIN_WEIGHT_CHANGE = 0.05;
/** Nodes of which it is known what listeners know; the registry knows no more of them. */
const MAX_TOLD = 100_000;

/** `stranger`: what listeners take for granted. */
export function createNews(standing: (pubkey: string) => Standing, stranger: Standing): News {
  const listeners: ((pubkey: string) => void)[] = [];
  const told = new Map<string, Standing>();
  return {
    tell(pubkeys) {
      for (const pubkey of pubkeys) {
        const now = standing(pubkey);
        if (isAlike(told.get(pubkey) ?? stranger, now)) continue;
        if (told.size >= MAX_TOLD) told.clear();
        told.set(pubkey, now);
        for (const listener of listeners) listener(pubkey);
      }
    },
    onChange: (listener) => void listeners.push(listener),
  };
}

function isAlike(before: Standing, now: Standing): boolean {
  return (
    before.level === now.level &&
    before.capSat === now.capSat &&
    Math.abs(before.weight - now.weight) < MIN_WEIGHT_CHANGE
  );
}
