/** The name of a model, and what all its spellings have in common. */
export interface ModelName {
  /** As it is written; or what the mappings make of that. */
  readonly id: string;
  readonly isMapped: boolean;
  /** What follows its last slash, in lower case and with dashes for dots. */
  readonly base: string;
  /** What stands before it, written alike; empty where nothing does. */
  readonly vendor: string;
}

/** Ids of models and what they are called elsewhere (kind 38426): variant to canonical id, without chains. */
export type Mappings = ReadonlyMap<string, string>;

export function modelName(written: string, mappings: Mappings): ModelName {
  const mapped = mappings.get(written);
  const id = mapped ?? written;
  const folded = id.toLowerCase().replaceAll('.', '-');
  const slash = folded.lastIndexOf('/');
  return {
    id,
    isMapped: mapped !== undefined,
    base: folded.slice(slash + 1),
    vendor: folded.slice(0, Math.max(0, slash)),
  };
}

/** Something that is offered under a name. */
export interface Named {
  readonly name: ModelName;
  readonly provider: string;
  /** The operator gave it this name: it is kept, and never one with another name that the operator gave. */
  readonly isConfigured: boolean;
  /** Its provider is no stranger. */
  readonly isTrusted: boolean;
}

/** Offers of one model under all its spellings. */
export interface Spellings<T> {
  /** The name payers see. */
  readonly id: string;
  readonly vendor: string;
  readonly all: readonly T[];
}

/** All models of one base name. */
export interface Family<M> {
  /** Whose model is meant where no vendor is named; undefined where nobody can tell, empty where none is ever named. */
  readonly vendor: string | undefined;
  readonly models: readonly M[];
}

/**
 * Tells which offers of one base name are the same model. Those without a vendor are the same as those of the only vendor; where
 * there are several vendors, nobody can tell whose they are, and each stands for itself. A vendor that only strangers name counts
 * only where nobody else names any: or anyone could take a model's short name away, and half of its offers.
 */
export function familyOf<T extends Named>(all: readonly T[]): Family<Spellings<T>> {
  const vendor = vendorOf(all);
  const groups = Map.groupBy(all, ({ name }) =>
    name.vendor === '' ? (vendor ?? '') : name.vendor,
  );
  const models = [...groups].flatMap(([of, group]) => split(group, of));
  return { vendor, models };
}

function vendorOf(all: readonly Named[]): Family<unknown>['vendor'] {
  const named = all.filter(({ name }) => name.vendor !== '');
  const [first = '', ...others] = new Set(trustedOf(named).map(({ name }) => name.vendor));
  return others.length === 0 ? first : undefined;
}

/** Those of no strangers; all of them where there are none. */
function trustedOf<T extends Named>(all: readonly T[]): readonly T[] {
  const trusted = all.filter(({ isTrusted }) => isTrusted);
  return trusted.length === 0 ? all : trusted;
}

/** The model of a family that goes by this name: undefined where there is none, or where several may be meant. */
export function memberOf<M extends { readonly id: string; readonly vendor: string }>(
  family: Family<M>,
  name: ModelName,
): M | undefined {
  const { models } = family;
  const exact = models.find(({ id }) => id === name.id);
  if (exact !== undefined) return exact;
  const isNamed = name.vendor !== '' && family.vendor !== '';
  const vendor = isNamed ? name.vendor : (family.vendor ?? '');
  const [found, ...others] = models.filter((model) => model.vendor === vendor);
  return others.length === 0 ? found : undefined;
}

function split<T extends Named>(group: readonly T[], vendor: string): readonly Spellings<T>[] {
  const [configured, ...others] = new Set(
    group.filter(({ isConfigured }) => isConfigured).map(({ name }) => name.id),
  );
  if (others.length === 0) return [{ id: configured ?? commonId(group), vendor, all: group }];
  const byId = Map.groupBy(group, ({ name }) => name.id);
  return [...byId].map(([id, all]) => ({ id, vendor, all }));
}

/** The mapped id, or that of the most providers that are no strangers; of several the shortest, of these the first by its letters. */
function commonId(group: readonly Named[]): string {
  const mapped = group.filter(({ name }) => name.isMapped);
  const ids = new Set(group.map(({ name }) => name.id));
  const [only] = ids;
  if (only !== undefined && ids.size === 1) return only;
  const providersById = new Map<string, Set<string>>();
  for (const { name, provider } of trustedOf(mapped.length > 0 ? mapped : group)) {
    const providers = providersById.get(name.id);
    if (providers === undefined) providersById.set(name.id, new Set([provider]));
    else providers.add(provider);
  }
  const [best] = [...providersById].toSorted(
    ([a, ofA], [b, ofB]) => ofB.size - ofA.size || a.length - b.length || (a < b ? -1 : 1),
  );
  if (best === undefined) throw new RangeError('a model is offered by somebody');
  return best[0];
}
