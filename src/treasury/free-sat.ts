import type { Log } from '../lib/log.ts';
import type { Store } from '../store/store.ts';
import type { Mints } from '../wallet/mints.ts';
import { freeTotals } from '../wallet/treasury-coins.ts';
import { isSpendable } from './fitting.ts';

/** What payments leave to the treasury is known this soon. */
const REFRESH_MS = 1000;

/** What may be spent at each mint, kept in memory. */
export interface FreeSat {
  at(mintUrl: string): bigint;
  onChange(listener: () => void): void;
  /** Reads it from the coins. */
  refresh(): Promise<void>;
  /** Keeps reading it. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export function createFreeSat(parts: { store: Store; mints: Mints; log: Log }): FreeSat {
  const { store, mints, log } = parts;
  const listeners: (() => void)[] = [];
  let known: ReadonlyMap<bigint, bigint> = new Map();
  let timer: NodeJS.Timeout | undefined;
  let reading: Promise<void> = Promise.resolve();

  async function refresh(): Promise<void> {
    const fresh = new Map<bigint, bigint>();
    for (const { mint: id, keyset, total } of await store.read(freeTotals)) {
      const mint = mints.byId(id);
      if (mint !== undefined && isSpendable(mints, mint, keyset))
        fresh.set(id, (fresh.get(id) ?? 0n) + total);
    }
    const before = known;
    known = fresh;
    const changed = mints.all.some(({ id }) => before.get(id) !== fresh.get(id));
    if (changed) for (const listener of listeners) listener();
  }

  return {
    at(mintUrl) {
      const mint = mints.byUrl(mintUrl);
      return mint === undefined || mint.away ? 0n : (known.get(mint.id) ?? 0n);
    },
    onChange(listener) {
      listeners.push(listener);
    },
    refresh,
    async start() {
      await refresh();
      timer = setInterval(() => {
        reading = refresh().catch((error: unknown) => {
          log.error({ err: error }, 'what the treasury has could not be read');
        });
      }, REFRESH_MS).unref();
    },
    async stop() {
      clearInterval(timer);
      await reading;
    },
  };
}
