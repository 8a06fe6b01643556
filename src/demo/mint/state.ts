import { isRecord } from '../json.ts';
import type { Journal } from './journal.ts';
import type { KeysetRecord } from './keyset.ts';
import type { Output, Signature } from './wire.ts';

export interface MintQuote {
  readonly quote: string;
  readonly request: string;
  readonly preimage: string;
  readonly amount: number;
  readonly unit: string;
  readonly state: 'UNPAID' | 'PAID' | 'ISSUED';
  readonly expiry: number;
  readonly updatedAt: number;
  /** NUT-20 lock. */
  readonly pubkey: string | undefined;
}

export interface MeltQuote {
  readonly quote: string;
  readonly request: string;
  readonly amount: number;
  readonly unit: string;
  readonly feeReserve: number;
  readonly state: 'UNPAID' | 'PENDING' | 'PAID';
  readonly expiry: number;
  readonly preimage: string | null;
  readonly change: readonly Signature[];
  /** While PENDING: what was offered for it. */
  readonly held:
    | {
        readonly inputs: readonly SpentProof[];
        readonly outputs: readonly Output[];
        readonly fee: number;
      }
    | undefined;
}

export interface SpentProof {
  readonly Y: string;
  readonly amount: number;
  readonly unit: string;
  readonly witness: string | undefined;
}

export interface Signed extends Signature {
  readonly B_: string;
  readonly unit: string;
}

/** What came in by Lightning (or the faucet), what went out by Lightning, and what was kept as fees. */
export interface Flow {
  readonly unit: string;
  readonly paidIn: number;
  readonly paidOut: number;
  readonly fees: number;
}

/** One change of the mint's state: all of it happens or nothing. */
export interface Change {
  readonly seed?: string;
  readonly keysets?: readonly KeysetRecord[];
  readonly spent?: readonly SpentProof[];
  readonly signed?: readonly Signed[];
  readonly pending?: readonly string[];
  readonly released?: readonly string[];
  readonly mintQuotes?: readonly MintQuote[];
  readonly meltQuotes?: readonly MeltQuote[];
  readonly flow?: Flow;
}

/** Everything the mint remembers. It changes only by `commit`. */
export interface MintState {
  readonly seed: string | undefined;
  /** By id, oldest first. */
  readonly keysets: ReadonlyMap<string, KeysetRecord>;
  /** By Y. */
  readonly spent: ReadonlyMap<string, SpentProof>;
  readonly pending: ReadonlySet<string>;
  /** By B_. */
  readonly signed: ReadonlyMap<string, Signed>;
  readonly mintQuotes: ReadonlyMap<string, MintQuote>;
  readonly meltQuotes: ReadonlyMap<string, MeltQuote>;
  readonly flows: ReadonlyMap<string, Flow>;
  /** Writes the change to the journal, applies it, then tells the listeners. */
  commit(change: Change): void;
  onCommit(listener: (change: Change) => void): void;
}

/** Rebuilds the state from its journal. Throws TypeError when the journal is not one. */
export function loadState(journal: Journal): MintState {
  const tables = createTables();
  for (const line of journal.lines) {
    if (!isChange(line)) throw new TypeError('the state file is not a journal of this mint');
    apply(tables, line);
  }
  const listeners: ((change: Change) => void)[] = [];
  return {
    ...tables,
    get seed() {
      return tables.seed.get('seed');
    },
    commit(change) {
      journal.append(change);
      apply(tables, change);
      for (const listener of listeners) listener(change);
    },
    onCommit(listener) {
      listeners.push(listener);
    },
  };
}

function createTables() {
  return {
    seed: new Map<string, string>(),
    keysets: new Map<string, KeysetRecord>(),
    spent: new Map<string, SpentProof>(),
    pending: new Set<string>(),
    signed: new Map<string, Signed>(),
    mintQuotes: new Map<string, MintQuote>(),
    meltQuotes: new Map<string, MeltQuote>(),
    flows: new Map<string, Flow>(),
  };
}

function apply(tables: ReturnType<typeof createTables>, change: Change): void {
  putAll(tables.keysets, change.keysets, ({ id }) => id);
  putAll(tables.spent, change.spent, ({ Y }) => Y);
  putAll(tables.signed, change.signed, ({ B_ }) => B_);
  putAll(tables.mintQuotes, change.mintQuotes, ({ quote }) => quote);
  putAll(tables.meltQuotes, change.meltQuotes, ({ quote }) => quote);
  for (const Y of change.pending ?? []) tables.pending.add(Y);
  for (const Y of change.released ?? []) tables.pending.delete(Y);
  if (change.seed !== undefined) tables.seed.set('seed', change.seed);
  if (change.flow !== undefined) addFlow(tables.flows, change.flow);
}

function putAll<Item>(
  table: Map<string, Item>,
  items: readonly Item[] | undefined,
  keyOf: (item: Item) => string,
): void {
  for (const item of items ?? []) table.set(keyOf(item), item);
}

function addFlow(flows: Map<string, Flow>, flow: Flow): void {
  const { paidIn = 0, paidOut = 0, fees = 0 } = flows.get(flow.unit) ?? {};
  flows.set(flow.unit, {
    unit: flow.unit,
    paidIn: paidIn + flow.paidIn,
    paidOut: paidOut + flow.paidOut,
    fees: fees + flow.fees,
  });
}

const FIELDS: ReadonlySet<string> = new Set([
  'seed',
  'keysets',
  'spent',
  'signed',
  'pending',
  'released',
  'mintQuotes',
  'meltQuotes',
  'flow',
]);

/** The file is written by `commit` alone, so its fields vouch for their content. */
function isChange(value: unknown): value is Change {
  return isRecord(value) && Object.keys(value).every((field) => FIELDS.has(field));
}
