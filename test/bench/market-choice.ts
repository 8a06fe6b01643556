// The choice of candidates for a request, in a process of its own.
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { candidatesAmong } from '../../src/router/candidates.ts';
import type { CatalogSource } from '../../src/router/catalog-source.ts';
import { createCatalog } from '../../src/router/catalog.ts';
import type { Offer } from '../../src/router/offer.ts';
import { createRouting } from '../../src/router/routing.ts';
import type { Routing } from '../../src/router/routing.ts';
import type { Speed } from '../../src/router/track.ts';
import { nodeOf } from '../router/market.ts';
import { boughtUpstream, offer, served, wanted } from '../router/offers.ts';
import { serveParent } from './parent.ts';

export interface Choice {
  /** Of the model that is wanted. */
  readonly offers: number;
  readonly candidates: number;
  /** The middle one of many rounds. */
  readonly us: number;
}

const MODEL = 'vendor/model';
const REQUEST = wanted();
/** Beside it, so that the catalog is no map of one model. */
const OTHER_MODELS = 4;
const ROUNDS = 200;
const CALLS = 20;
/** What can be spent at each, in msat. */
const FUNDS = 10n ** 9n;
/** Half of the nodes are strangers. */
const TRUSTS = [0.4, 0.4, 0.8, 1];

serveParent({
  /** Among as many offers. */
  among(offers: number): Choice {
    const [first, ...others] = Array.from({ length: offers }, (_, at) => offerOf(at));
    if (first === undefined) throw new RangeError('there is no choice among no offers');
    const model = served(first, ...others);
    const routing = routingOf(offers);
    return measure(offers, () => candidatesAmong([model], REQUEST, routing).length);
  },
  /** With as many providers, through the catalog, which keeps the best of their offers, to the price that covers the candidates. */
  async with(providers: number): Promise<Choice> {
    const sources = Array.from({ length: providers }, (_, at) => nodeAt(at));
    const catalog = createCatalog({
      sources: () => sources,
      usdPmsat: () => undefined,
      clock: systemClock,
      log: silentLog,
    });
    await catalog.refresh();
    const routing = routingOf(providers);
    return measure(catalog.find(MODEL).offers.length, () => {
      const model = catalog.find(MODEL);
      const candidates = candidatesAmong([model], REQUEST, routing);
      catalog.dearest(model, candidates);
      return candidates.length;
    });
  },
});
process.send?.({ url: '' });

function measure(offers: number, choose: () => number): Choice {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const began = performance.now();
    for (let call = 0; call < CALLS; call++) choose();
    return ((performance.now() - began) * 1e3) / CALLS;
  });
  const us = rounds.toSorted((one, other) => one - other)[ROUNDS / 2] ?? 0;
  return { offers, candidates: choose(), us };
}

/** From 1 to 3, in no order. */
function priceAt(at: number): number {
  return 1 + ((at * 7919) % 1000) / 500;
}

function termsAt(at: number) {
  const upstream = boughtUpstream(idAt(at), () => FUNDS);
  return { trust: TRUSTS[at % TRUSTS.length] ?? 1, upstream };
}

function idAt(at: number): string {
  return `node${at}.example.org`;
}

function offerOf(at: number): Offer {
  return offer(idAt(at), { ...termsAt(at), upstreamModel: MODEL, input: 10_000 * priceAt(at) });
}

function nodeAt(at: number): CatalogSource {
  const others = Array.from({ length: OTHER_MODELS }, (_, n) => `vendor/other-${(at + n) % 300}`);
  return { ...nodeOf(idAt(at), [MODEL, ...others], priceAt(at)), ...termsAt(at) };
}

/** A third of the providers were tried before. */
function routingOf(providers: number): Routing {
  const routing = createRouting({ clock: systemClock, usdPmsat: () => undefined });
  for (let at = 0; at < providers; at += 3) {
    routing.tracks.started(idAt(at), MODEL);
    if (at % 10 === 0) routing.tracks.failed(idAt(at), MODEL);
    else routing.tracks.answered(idAt(at), MODEL, speedAt(at));
  }
  return routing;
}

function speedAt(at: number): Speed {
  return { firstByteMs: 200 + (at % 800), tokens: 400, tokensMs: 8_000 };
}
