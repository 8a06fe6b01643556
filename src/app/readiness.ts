import type { Log } from '../lib/log.ts';
import type { Money } from '../money.ts';
import type { Catalog } from '../router/catalog.ts';
import type { Market } from './market.ts';

/** Whether paid requests can be taken. */
export interface Readiness {
  /** Why not, now; empty when they can. */
  reasons(): readonly string[];
  stop(): void;
}

export interface ReadinessParts {
  readonly money: Money;
  readonly catalog: Catalog;
  readonly market: Market | undefined;
  readonly log: Log;
}

/** Upstreams, relays and nodes have had time to answer. */
const TOLD_AFTER_MS = 15_000;

/** What stands in the way soon after the start is logged once: a newcomer looks there first. */
export function createReadiness(parts: ReadinessParts): Readiness {
  const reasons = (): readonly string[] => [...mintReasons(parts), ...modelReasons(parts)];
  const timer = setTimeout(() => {
    const found = reasons();
    if (found.length === 0) return;
    parts.log.warn({ event: 'not_ready', reasons: found }, 'paid requests cannot be taken yet');
  }, TOLD_AFTER_MS).unref();
  return { reasons, stop: () => clearTimeout(timer) };
}

function mintReasons({ money }: ReadinessParts): readonly string[] {
  return money.mints.all.every((mint) => mint.away) ? ['no mint can be reached'] : [];
}

function modelReasons({ catalog, market, money }: ReadinessParts): readonly string[] {
  const isServing = catalog
    .models()
    .some((model) => model.offers.some((offer) => !offer.breaker.isResting));
  if (isServing) return [];
  const why = market === undefined ? [] : buyingReasons(market, money);
  return ['no model is served: upstreams are down, or prices are not known', ...why];
}

/** Why nothing can be bought either. */
function buyingReasons(market: Market, { mints, treasury }: Money): string[] {
  if (market.sources().length > 0) return [];
  const { discovery } = market;
  const found = discovery.nodes().length;
  const isDeaf = !discovery.relays().some(({ state }) => state === 'open');
  const isEmpty = mints.all.every(({ url }) => treasury.freeAt(url) === 0n);
  return [
    ...(isDeaf ? ['no relay can be reached'] : []),
    ...(found === 0 ? ['no node was found yet'] : []),
    ...(isEmpty ? ['the treasury has nothing to buy with'] : []),
    ...(found > 0 && !isEmpty
      ? [`none of ${found} nodes can be bought from: see nutroute providers`]
      : []),
  ];
}
