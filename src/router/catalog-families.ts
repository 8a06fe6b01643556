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
  /** How early its provider stands among all. */
  readonly rank: () => number;
}

/** All offers by what their models are called. What is put in is seen when it is published, all at once. */
export interface CatalogFamilies {
  /** Undefined for a name that nobody offers, or that may mean several models. */
  find(name: ModelName): ServedModel | undefined;
  /** By its own id alone. */
  get(id: string): ServedModel | undefined;
  /** The same array until something is published. */
  models(): readonly ServedModel[];
  /** Replaces what this provider offers; no listings: it offers nothing more. */
  put(provider: string, listings: readonly Listing[]): void;
  /** Pauses now and then. Nothing may be put in before it is done. */
  publish(): Generator<void, void>;
}

interface Entry {
  readonly id: string;
  readonly vendor: string;
  readonly served: ServedModel;
}

/** Groups the offers by the base names of their models; each change touches only the base names that it concerns. */
export function createCatalogFamilies(): CatalogFamilies {
  const listingsByBase = new Map<string, readonly Listing[]>();
  const basesByProvider = new Map<string, ReadonlySet<string>>();
  const changed = new Set<string>();
  let families: ReadonlyMap<string, Family<Entry>> = new Map();
  let served: ReadonlyMap<string, ServedModel> = new Map();
  let models: readonly ServedModel[] = [];

  function take(provider: string): void {
    for (const base of basesByProvider.get(provider) ?? []) {
      const others = listingsByBase.get(base)?.filter((one) => one.provider !== provider) ?? [];
      if (others.length === 0) listingsByBase.delete(base);
      else listingsByBase.set(base, others);
      changed.add(base);
    }
    basesByProvider.delete(provider);
  }

  return {
    find(name) {
      const family = families.get(name.base);
      return family === undefined ? undefined : memberOf(family, name)?.served;
    },
    get: (id) => served.get(id),
    models: () => models,
    put(provider, listings) {
      take(provider);
      if (listings.length === 0) return;
      const added = Map.groupBy(listings, ({ name }) => name.base);
      for (const [base, own] of added) {
        listingsByBase.set(base, [...(listingsByBase.get(base) ?? []), ...own]);
        changed.add(base);
      }
      basesByProvider.set(provider, new Set(added.keys()));
    },
    *publish() {
      if (changed.size === 0) return;
      const fresh = new Map<string, Family<Entry> | undefined>();
      for (const base of changed) {
        fresh.set(base, yield* servedFamily(listingsByBase.get(base) ?? []));
      }
      changed.clear();
      const next = { families: new Map(families), served: new Map(served) };
      for (const [base, family] of fresh) replace(next, base, family);
      ({ families, served } = next);
      models = [...served.values()];
    },
  };
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

/** Pauses after each offer, so that a base name with many of them takes as many steps. */
function* servedFamily(listings: readonly Listing[]): Generator<void, Family<Entry> | undefined> {
  if (listings.length === 0) return undefined;
  for (const _ of listings) yield;
  const { vendors, models } = familyOf(listings);
  return {
    vendors,
    models: models.map((spellings) => ({
      id: spellings.id,
      vendor: spellings.vendor,
      served: servedModel(spellings),
    })),
  };
}

function servedModel({ id, all }: Spellings<Listing>): ServedModel {
  const ranked = all.toSorted((a, b) => a.rank() - b.rank());
  const [first, ...others] = cheapestOfEach(ranked);
  if (first === undefined) throw new RangeError('a model is offered by somebody');
  const offers = [first, ...others] as const;
  const usual = usualOffers(offers).map(({ snapshot }) => snapshot);
  const dearest = dearestOf([first.snapshot, ...usual]);
  return {
    id,
    name: titleOf(ranked) ?? id,
    offers,
    dearest: dearest.model === id ? dearest : { ...dearest, model: id },
  };
}

/** What the operator calls it, else what the first does that tells a title. */
function titleOf(ranked: readonly Listing[]): string | undefined {
  const named = ranked.find(({ isConfigured }) => isConfigured);
  return (named ?? ranked.find(({ title }) => title !== undefined))?.title;
}

/** A provider stands once in each model, by whatever names it lists it. */
function cheapestOfEach(ranked: readonly Listing[]): readonly Offer[] {
  const providers = new Set<string>();
  return ranked
    .map(({ offer }) => offer)
    .toSorted((a, b) => a.nominalMsat - b.nominalMsat)
    .filter(({ provider }) => !providers.has(provider) && providers.add(provider));
}
