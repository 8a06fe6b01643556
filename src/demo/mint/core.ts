import { randomBytes } from 'node:crypto';

import type { Crypto } from '../../crypto/crypto.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Journal } from './journal.ts';
import { deriveKeyset } from './keyset.ts';
import type { Keyset } from './keyset.ts';
import { MintError } from './mint-error.ts';
import { loadState } from './state.ts';
import type { MintState } from './state.ts';
import { createTransactions } from './transaction.ts';
import type { Transactions } from './transaction.ts';

/** What every endpoint of the mint works with. */
export interface MintCore {
  readonly crypto: Crypto;
  readonly state: MintState;
  readonly transactions: Transactions;
  /** By id, oldest first. */
  readonly keysets: ReadonlyMap<string, Keyset>;
  readonly seed: string;
  nowS(): number;
  /** Throws `MintError` for a unit that this mint does not have. */
  activeKeyset(unit: string): Keyset;
  /** A new active keyset for a unit; the older ones sign no more. Returns its id. */
  rotate(unit: string, feePpk?: number): string;
}

/** Rebuilds the mint from its journal. Throws when the seed is not the one the journal was written with. */
export function createCore(options: {
  readonly crypto: Crypto;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly seed: string | undefined;
  readonly units: readonly string[];
  readonly inputFeePpk: number;
}): MintCore {
  const { crypto } = options;
  const state = loadState(options.journal);
  const seed = options.seed ?? state.seed ?? randomBytes(32).toString('hex');
  if (state.seed === undefined) state.commit({ seed });
  if (state.seed !== seed) throw new Error('the state file belongs to a mint of another seed');
  const keysets = new Map<string, Keyset>();
  for (const record of state.keysets.values()) {
    keysets.set(record.id, { ...deriveKeyset(crypto, seed, record), active: record.active });
  }
  const nowS = () => Math.floor(options.clock.now() / 1000);

  function findActive(unit: string): Keyset | undefined {
    return [...keysets.values()].find((keyset) => keyset.unit === unit && keyset.active);
  }

  const core: MintCore = {
    crypto,
    state,
    keysets,
    seed,
    nowS,
    transactions: createTransactions({ crypto, state, keysets, nowS }),
    activeKeyset(unit) {
      const active = findActive(unit);
      if (active === undefined) throw new MintError('otherUnit', 'unit is not supported');
      return active;
    },
    rotate(unit, feePpk) {
      const old = findActive(unit);
      const record = {
        unit,
        index: old === undefined ? 0 : old.index + 1,
        feePpk: feePpk ?? old?.feePpk ?? options.inputFeePpk,
      };
      const fresh = deriveKeyset(crypto, seed, record);
      const retired = old === undefined ? [] : [{ ...old, active: false }];
      const records = [...retired, fresh].map(({ id, unit, index, feePpk, active }) => ({
        id,
        unit,
        index,
        feePpk,
        active,
      }));
      state.commit({ keysets: records });
      for (const keyset of [...retired, fresh]) keysets.set(keyset.id, keyset);
      return fresh.id;
    },
  };
  for (const unit of options.units) {
    if (findActive(unit) === undefined) core.rotate(unit);
  }
  return core;
}
