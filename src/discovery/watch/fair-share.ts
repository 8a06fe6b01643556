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

export function createFairShare(): FairShare {
  const domains = new Map<string, Domain>();
  let running = 0;

  /** Of each domain those that are due longest, as many as may start. */
  function firstOfEach(due: Iterable<Site>): readonly (readonly Site[])[] {
    const firsts = new Map<string, Site[]>();
    for (const site of due) {
      const room = PER_DOMAIN - (domains.get(site.domain)?.running ?? 0);
      if (room <= 0) continue;
      const own = firsts.get(site.domain);
      if (own === undefined) firsts.set(site.domain, [site]);
      else insert(own, site, room);
    }
    return [...firsts.values()];
  }

  const lastOf = ([site]: readonly Site[]): number =>
    domains.get(site?.domain ?? '')?.checkedAtMs ?? -Infinity;
  const byTurn = (one: readonly Site[], other: readonly Site[]): number =>
    Math.sign(lastOf(one) - lastOf(other)) || dueOf(one) - dueOf(other);

  return {
    pick(due) {
      const turns = firstOfEach(due).toSorted(byTurn);
      const ranks = Array.from({ length: PER_DOMAIN }, (_, rank) =>
        turns.flatMap((sites) => sites[rank] ?? []),
      );
      return ranks.flat().slice(0, Math.max(0, Math.min(PER_ROUND, AT_ONCE - running)));
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

function insert(sites: Site[], site: Site, max: number): void {
  const at = sites.findIndex(({ dueAtMs }) => site.dueAtMs < dueAtMs);
  sites.splice(at === -1 ? sites.length : at, 0, site);
  if (sites.length > max) sites.pop();
}

function dueOf([site]: readonly Site[]): number {
  return site?.dueAtMs ?? Infinity;
}
