import { setTimeout as sleep } from 'node:timers/promises';

import * as journal from './journal.ts';
import type { Purpose, SwapRow } from './journal.ts';
import type { Turn } from './lane.ts';
import type { Mint, Mints } from './mints.ts';
import { settleIfSigned } from './resolve.ts';
import type { ResolveParts } from './resolve.ts';
import { createResolver } from './resolver.ts';
import { abandon, sendSwap } from './swap.ts';
import type { SwapEffect, SwapOutcome, SwapParts, SwapPlan } from './swap.ts';

/** A place in a mint's lane. */
export interface SwapTurn extends Turn {
  /** Does anybody still wait for the outcome? Nothing is sent again for nobody. Default: yes. */
  readonly isWanted?: () => boolean;
}

/** What is unclear is sent again only so soon after it was begun: a mint that hangs must not hold its lane for a minute. */
const RESEND_WINDOW_MS = 5_000;

export interface Wallet {
  readonly mints: Mints;
  /** Registers what verdicts on swaps of this purpose do in the books. Once per purpose, before `start`. */
  on(purpose: Purpose, effect: SwapEffect): void;
  /**
   * Waits for the mint's lane, asks `plan` for the swap (undefined: no longer wanted), journals, sends and resolves it.
   * Rejects with RouterError, nothing sent, when the lane is full, late, or the mint's breaker is open.
   */
  swap(
    mint: Mint,
    turn: SwapTurn,
    plan: () => Promise<SwapPlan | undefined>,
  ): Promise<SwapOutcome | undefined>;
  /** Resolves an owner's open operation, sending it again if that can help. Undefined when none is open. */
  resume(mint: Mint, turn: SwapTurn, owner: string): Promise<SwapOutcome | undefined>;
  /** Resolves this operation, sending it again if it is open and that can help. */
  finish(mint: Mint, turn: SwapTurn, id: bigint): Promise<SwapOutcome>;
  /** Resolves an owner's open operation by looking only. Undefined when none is open. */
  look(owner: string): Promise<SwapOutcome | undefined>;
  /** Looks at everything a crash left open, then keeps looking at what stays open, with backoff. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export type WalletOptions = Omit<SwapParts, 'effectOf' | 'settleSigned'> & {
  readonly mints: Mints;
};

export function createWallet(options: WalletOptions): Wallet {
  const effects = new Map<Purpose, SwapEffect>();
  const { store, mints } = options;
  const parts: ResolveParts = {
    ...options,
    sleep: async (ms) => {
      await sleep(ms);
    },
    effectOf(purpose) {
      const effect = effects.get(purpose);
      if (effect === undefined) throw new Error(`no effect is registered for ${purpose}`);
      return effect;
    },
    async settleSigned(id) {
      await settleIfSigned(parts, id);
      for (const rival of await store.read(() => journal.rivalsOf(id)))
        await settleIfSigned(parts, rival);
    },
  };
  const resolver = createResolver(parts);

  async function openOf(owner: string): Promise<SwapRow | undefined> {
    return store.read(() => journal.openSwapOf(owner));
  }

  async function finish(id: bigint, turn: SwapTurn, begunMs: number): Promise<SwapOutcome> {
    const maySend = (): boolean =>
      options.clock.now() - begunMs < RESEND_WINDOW_MS && (turn.isWanted?.() ?? true);
    const outcome = await resolver.resolve(id, maySend);
    if (outcome.kind === 'open') await abandon(parts, id);
    return outcome;
  }

  return {
    mints,
    on(purpose, effect) {
      effects.set(purpose, effect);
    },
    async swap(mint, turn, plan) {
      const work = async (): Promise<SwapOutcome | undefined> => {
        const planned = await plan();
        if (planned === undefined) return undefined;
        const begunMs = options.clock.now();
        const sent = await sendSwap(parts, planned);
        // The next plan, whoever makes it, needs to know the keysets of today. It never rejects.
        if (sent.kind === 'refused' && sent.verdict === 'keyset') void mints.refresh(mint);
        return sent.kind === 'open' ? finish(sent.id, turn, begunMs) : sent;
      };
      return mint.lane.run(turn, work);
    },
    async resume(mint, turn, owner) {
      if ((await openOf(owner)) === undefined) return undefined;
      const work = async (): Promise<SwapOutcome | undefined> => {
        const row = await openOf(owner);
        return row === undefined ? undefined : finish(row.id, turn, options.clock.now());
      };
      return mint.lane.run(turn, work);
    },
    async finish(mint, turn, id) {
      return mint.lane.run(turn, async () => finish(id, turn, options.clock.now()));
    },
    async look(owner) {
      const row = await openOf(owner);
      return row === undefined ? undefined : resolver.resolve(row.id, false);
    },
    async start() {
      await store.write(() => journal.resetWork());
      resolver.start();
    },
    async stop() {
      await resolver.stop();
    },
  };
}
