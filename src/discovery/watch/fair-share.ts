import { dropOldest } from '../oldest.ts';
import type { Site } from './site-book.ts';

/**
 * Shares the checks that can wait among the domains that are announced: whoever invents thousands of addresses in one, and lets them
 * hang, holds up himself alone.
 */
export interface FairShare {
  /** Of those that are due, some to check now: first those in domains where the last check is the longest ago, or was never. */
  pick(due: Iterable<Site>): readonly Site[];
  /** Counts until `done` resolves. */
  began(site: Site, nowMs: number, done: Promise<void>): void;
}

/** Made-up addresses fail at once: unpaced, thousands of them would keep a core busy for minutes. */
const PER_ROUND = 20;
/** A few more than run, so that nobody waits long behind others that hang. */
const AT_ONCE = 24;
/** In a round, and at once. */
const PER_DOMAIN = 4;
const MAX_DOMAINS = 30_000;

interface Domain {
  running: number;
  checkedAtMs: number;
}

const NEVER: Readonly<Domain> = { running: 0, checkedAtMs: -Infinity };

/** What one domain has to be checked. */
interface Turn {
  /** Those that are due longest first. */
  readonly sites: Site[];
  readonly room: number;
  readonly checkedAtMs: number;
}

export function createFairShare(): FairShare {
  const domains = new Map<string, Domain>();
  let running = 0;

  /** Of each domain those that are due longest, as many as may start. */
  function firstOfEach(due: Iterable<Site>): Iterable<Turn> {
    const turns = new Map<string, Turn>();
    for (const site of due) {
      const known = turns.get(site.domain);
      if (known !== undefined) {
        insert(known.sites, site, known.room, isDueBefore);
        continue;
      }
      const { running: own, checkedAtMs } = domains.get(site.domain) ?? NEVER;
      const room = PER_DOMAIN - own;
      turns.set(site.domain, { sites: room > 0 ? [site] : [], room, checkedAtMs });
    }
    return turns.values();
  }

  return {
    pick(due) {
      const count = Math.max(0, Math.min(PER_ROUND, AT_ONCE - running));
      const turns: Turn[] = [];
      for (const turn of firstOfEach(due)) insert(turns, turn, count, comesBefore);
      const ranks = Array.from({ length: PER_DOMAIN }, (_, rank) =>
        turns.flatMap(({ sites }) => sites[rank] ?? []),
      );
      return ranks.flat().slice(0, count);
    },
    began(site, nowMs, done) {
      const domain = domains.get(site.domain) ?? { running: 0, checkedAtMs: nowMs };
      domain.running += 1;
      domain.checkedAtMs = nowMs;
      running += 1;
      domains.delete(site.domain);
      domains.set(site.domain, domain);
      dropOldest(domains, MAX_DOMAINS);
      void done.then(() => {
        domain.running -= 1;
        running -= 1;
      });
    },
  };
}

/** Into a sorted list of `max` items at most. */
function insert<T>(list: T[], item: T, max: number, isBefore: (one: T, other: T) => boolean): void {
  const last = list.at(-1);
  if (list.length >= max && (last === undefined || !isBefore(item, last))) return;
  const at = list.findIndex((other) => isBefore(item, other));
  list.splice(at === -1 ? list.length : at, 0, item);
  if (list.length > max) list.pop();
}

function isDueBefore(one: Site, other: Site): boolean {
  return one.dueAtMs < other.dueAtMs;
}

/** Those without a site that may start come last. */
function comesBefore(one: Turn, other: Turn): boolean {
  const [first, second] = [one.sites[0], other.sites[0]];
  if (first === undefined || second === undefined) return first !== undefined;
  if (one.checkedAtMs !== other.checkedAtMs) return one.checkedAtMs < other.checkedAtMs;
  return isDueBefore(first, second);
}
