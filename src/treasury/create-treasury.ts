import type { Operation } from '../store/operation.ts';
import { collect } from './collect.ts';
import { createConsolidation } from './consolidate.ts';
import { registerEffects } from './effects.ts';
import { createFreeSat } from './free-sat.ts';
import { createOperator } from './operator.ts';
import type { TreasuryOptions } from './parts.ts';
import { createSpending } from './spend.ts';
import type { CollectedChange, Treasury } from './treasury.ts';

/** One per wallet: it books the wallet's swaps of its own. */
export function createTreasury(parts: TreasuryOptions): Treasury {
  const { store, wallet, clock, log } = parts;
  const free = createFreeSat({ store, mints: wallet.mints, log });
  const consolidation = createConsolidation(parts);
  const operator = createOperator(parts);
  const spending = createSpending(parts);
  let collected: ((change: CollectedChange) => Operation<void>) | undefined;
  registerEffects(wallet, {
    clock,
    *collected(change) {
      if (collected !== undefined) yield* collected(change);
    },
  });

  /** Does what may move coins; then what is free is known before anybody hears of it. */
  async function moving<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      await free.refresh();
    }
  }

  return {
    balance: async () => operator.balance(),
    receive: async (text) => moving(async () => operator.receive(text)),
    send: async (sat, mintUrl) => moving(async () => operator.send(sat, mintUrl)),
    lastSent: async () => operator.lastSent(),
    freeAt: (mintUrl) => free.at(mintUrl),
    onChange: (listener) => free.onChange(listener),
    spend: async (order) => moving(async () => spending.spend(order)),
    spentToken: async (id) => spending.spentToken(id),
    collect: async (change) => moving(async () => collect(parts, change)),
    onCollected(write) {
      collected = write;
    },
    consolidate: async () => moving(async () => consolidation.once()),
    async start() {
      await free.start();
      consolidation.start();
    },
    async stop() {
      await consolidation.stop();
      await free.stop();
    },
  };
}
