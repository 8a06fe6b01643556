import { dearestOf } from '../pricing/dearest.ts';
import { familyOf, memberOf } from './aliases.ts';
import type { Family, ModelName, Named, Spellings } from './aliases.ts';
import type { Offer, ServedModel } from './offer.ts';
import { usualOffers } from './usual-offers.ts';

/** A priced model of one provider, under its name. */
export interface Listing extends Named {
  /** For people, where it is told. */
  readonly title: string | undefined;
  readonly offer: Offer;
  /** How early its provider stands among all, where the operator put it there. */
  readonly rank: number;
}

/** All offers by what their models are called. What is put in is seen when it is published, all at once. */
export interface CatalogFamilies {
  /** Undefined for a name that nobody offers, or that may mean several models. */
  find(name: ModelName): ServedModel | undefined;
  /** By its own id alone. */
  get(id: string): ServedModel | undefined;
  /** The same array until something is published. */
  models(): readonly ServedModel[];
  /** Replaces what this provider offers; no listings: it offers nothing more. Once between two publications. */
  put(provider: string, listings: readonly Listing[]): void;
  /** Pauses now and then. Nothing may be put in before it is done. */
  publish(): Generator<void, void>;
}

const LISTINGS_PER_STEP = 8;

interface Entry {
  readonly id: string;
  readonly vendor: string;
  readonly served: ServedModel;
}

/** Groups the offers by the base names of their models; each change touches only the base names that it concerns. */
export function createCatalogFamilies(): CatalogFamilies {
  const basesByProvider = new Map<string, ReadonlySet<string>>();
  /** The nominally cheapest first. */
  const listingsByBase = new Map<string, readonly Listing[]>();
  const put: Put = { providers: new Set(), listings: new Map() };
  let families: ReadonlyMap<string, Family<Entry>> = new Map();
  let served: ReadonlyMap<string, ServedModel> = new Map();
  let models: readonly ServedModel[] = [];

  function renewed(base: string): readonly Listing[] {
    const kept = listingsByBase.get(base)?.filter(({ provider }) => !put.providers.has(provider));
    const listings = [...(kept ?? []), ...(put.listings.get(base) ?? [])].toSorted(byPrice);
    if (listings.length === 0) listingsByBase.delete(base);
    else listingsByBase.set(base, listings);
    return listings;
  }

  return {
    find(name) {
      const family = families.get(name.base);
      return family === undefined ? undefined : memberOf(family, name)?.served;
    },
    get: (id) => served.get(id),
    models: () => models,
    put(provider, listings) {
      put.providers.add(provider);
      for (const base of basesByProvider.get(provider) ?? []) addTo(put.listings, base);
      for (const listing of listings) addTo(put.listings, listing.name.base, listing);
      basesByProvider.set(provider, new Set(listings.map(({ name }) => name.base)));
      if (listings.length === 0) basesByProvider.delete(provider);
    },
    *publish() {
      if (put.listings.size === 0) return;
      const fresh = new Map<string, Family<Entry> | undefined>();
      for (const base of put.listings.keys()) {
        fresh.set(base, yield* servedFamily(renewed(base)));
      }
      put.listings.clear();
      put.providers.clear();
      const next = { families: new Map(families), served: new Map(served) };
      for (const [base, family] of fresh) replace(next, base, family);
      ({ families, served } = next);
      models = [...served.values()];
    },
  };
}

/** What was put in since the last publication: who is concerned, and what is offered now, of each base name that is concerned. */
interface Put {
  readonly providers: Set<string>;
  readonly listings: Map<string, Listing[]>;
}

function addTo(listings: Map<string, Listing[]>, base: string, ...added: Listing[]): void {
  const known = listings.get(base);
  if (known === undefined) listings.set(base, added);
  else known.push(...added);
}

function replace(
  state: { families: Map<string, Family<Entry>>; served: Map<string, ServedModel> },
  base: string,
  family: Family<Entry> | undefined,
): void {
  const kept = new Set(family?.models.map(({ id }) => id));
  for (const { id } of state.families.get(base)?.models ?? []) {
    if (!kept.has(id)) state.served.delete(id);
  }
  // A model that stays keeps its place in the list.
  for (const entry of family?.models ?? []) state.served.set(entry.id, entry.served);
  if (family === undefined) state.families.delete(base);
  else state.families.set(base, family);
}

/** Pauses the longer, the more offers there are: a few of them are as much work as one price. */
function* servedFamily(listings: readonly Listing[]): Generator<void, Family<Entry> | undefined> {
  yield;
  for (let done = 0; done < listings.length; done += LISTINGS_PER_STEP) yield;
  if (listings.length === 0) return undefined;
  const { vendor, models } = familyOf(listings);
  return {
    vendor,
    models: models.map((spellings) => ({
      id: spellings.id,
      vendor: spellings.vendor,
      served: servedModel(spellings),
    })),
  };
}

function servedModel({ id, all }: Spellings<Listing>): ServedModel {
  const [first, ...others] = cheapestOfEach(all);
  if (first === undefined) throw new RangeError('a model is offered by somebody');
  const offers = [first, ...others] as const;
  const usual = usualOffers(offers).map(({ snapshot }) => snapshot);
  const dearest = dearestOf([first.snapshot, ...usual]);
  return {
    id,
    name: titleOf(all) ?? id,
    offers,
    dearest: dearest.model === id ? dearest : { ...dearest, model: id },
  };
}

/** Equal prices stand in the order of the operator, then in that of the letters. */
function byPrice(a: Listing, b: Listing): number {
  return (
    a.offer.nominalMsat - b.offer.nominalMsat ||
    a.rank - b.rank ||
    (a.provider < b.provider ? -1 : 1)
  );
}

/** What the operator calls it, else what the cheapest does that tells a title. */
function titleOf(all: readonly Listing[]): string | undefined {
  const named = all.find(({ isConfigured }) => isConfigured);
  return (named ?? all.find(({ title }) => title !== undefined))?.title;
}

/** A provider stands once in each model, by whatever names it lists it. */
function cheapestOfEach(all: readonly Listing[]): readonly Offer[] {
  const providers = new Set<string>();
  return all
    .filter(({ provider }) => !providers.has(provider) && providers.add(provider))
    .map(({ offer }) => offer);
}
