import type { Log } from '../lib/log.ts';
import type { Operation } from '../store/operation.ts';
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
    const fresh = await store.read(() => freeByMint(mints));
    const changed = mints.all.some(({ id }) => known.get(id) !== fresh.get(id));
    known = fresh;
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

/** One reading of all mints, so that a later one never tells something older. */
function* freeByMint(mints: Mints): Operation<ReadonlyMap<bigint, bigint>> {
  const free = new Map<bigint, bigint>();
  for (const mint of mints.all) {
    const totals = yield* freeTotals(mint.id);
    const spendable = totals.filter(({ keyset }) => isSpendable(mints, mint, keyset));
    free.set(
      mint.id,
      spendable.reduce((sum, { total }) => sum + total, 0n),
    );
  }
  return free;
}
