import { RouterError } from '../lib/errors.ts';
import { TREASURY } from '../wallet/coins.ts';
import type { Coin } from '../wallet/coins.ts';
import type { Mint } from '../wallet/mints.ts';
import { activeKeyset, ownInput, spendingFee, worthOf } from '../wallet/own-coins.ts';
import { greedy } from '../wallet/split.ts';
import type { SwapPlan } from '../wallet/swap.ts';
import { smallestCoins } from '../wallet/treasury-coins.ts';
import { isSpendable, READY_PER_AMOUNT } from './fitting.ts';
import type { TreasuryOptions } from './parts.ts';

/** So many of the router's own coins at a mint are swapped for few, and so many at once. */
const COINS_PER_SWAP = 100;
/** A busy router earns thousands of coins between two rounds. */
const MAX_SWAPS_PER_MINT = 20;
/** Only if the mint takes at most one part in so many. */
const LEAST_WORTH_PER_FEE = 100n;
/** Coins looked at: those that stay of each of 64 amounts, and enough for a swap. */
const LOOKED_AT = 64n * READY_PER_AMOUNT + BigInt(COINS_PER_SWAP);
const INTERVAL_MS = 600_000;
/** After a round that did not reach the end. */
const BUSY_INTERVAL_MS = 10_000;
const LANE_WAIT_MS = 5_000;

export interface Consolidation {
  /** Looks at every mint once; how many swaps were made. */
  once(): Promise<number>;
  start(): void;
  stop(): Promise<void>;
}

/** Keeps the treasury in few coins: every request leaves some, and each costs its fee when it is spent. */
export function createConsolidation(parts: TreasuryOptions): Consolidation {
  const { wallet, clock, log } = parts;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<unknown> = Promise.resolve();
  let isStopping = false;

  async function consolidate(mint: Mint): Promise<boolean> {
    if (isStopping) return false;
    const turn = { key: TREASURY, deadlineMs: clock.now() + LANE_WAIT_MS };
    const outcome = await wallet.swap(mint, turn, async () => consolidationPlan(parts, mint));
    return outcome?.kind === 'applied';
  }

  async function consolidateAll(mint: Mint): Promise<number> {
    let swaps = 0;
    try {
      while (swaps < MAX_SWAPS_PER_MINT && (await consolidate(mint))) swaps += 1;
    } catch (error) {
      // A busy or silent mint has more important things to do than ours.
      if (!(error instanceof RouterError)) throw error;
      log.debug({ mint: mint.url, code: error.code }, 'the treasury is consolidated another time');
    }
    return swaps;
  }

  async function once(): Promise<number> {
    let swaps = 0;
    for (const mint of wallet.mints.all.filter(({ away }) => !away))
      swaps += await consolidateAll(mint);
    return swaps;
  }

  async function round(): Promise<void> {
    let swaps = 0;
    try {
      swaps = await once();
    } catch (error) {
      log.error({ err: error }, 'consolidation failed');
    }
    if (!isStopping) schedule(swaps < MAX_SWAPS_PER_MINT ? INTERVAL_MS : BUSY_INTERVAL_MS);
  }

  function schedule(ms: number): void {
    timer = setTimeout(() => {
      running = round();
    }, ms).unref();
  }

  return {
    once,
    start() {
      schedule(INTERVAL_MS);
    },
    async stop() {
      isStopping = true;
      clearTimeout(timer);
      await running;
    },
  };
}

/** The smallest coins of one mint for the fewest, or undefined where that is not worth its fee. */
async function consolidationPlan(
  parts: TreasuryOptions,
  mint: Mint,
): Promise<SwapPlan | undefined> {
  const smallest = await parts.store.read(() => smallestCoins(mint.id, 1n, LOOKED_AT));
  const spendable = smallest.filter((coin) => isSpendable(parts.wallet.mints, mint, coin.keyset));
  const coins = beyondReady(spendable).slice(0, COINS_PER_SWAP);
  const fee = spendingFee(coins, mint);
  const worth = worthOf(coins);
  if (coins.length < COINS_PER_SWAP || fee * LEAST_WORTH_PER_FEE > worth) return undefined;
  const keyset = activeKeyset(mint);
  return {
    mint,
    purpose: 'consolidate',
    owner: TREASURY,
    seed: 'treasury',
    inputs: coins.map((coin) => ownInput(coin, parts.seeds)),
    keyset,
    outputs: greedy(worth - fee, keyset.denominations),
    fee,
  };
}

/** A few coins of each amount stay: payments are made of them without a split. */
function beyondReady(coins: readonly Coin[]): readonly Coin[] {
  const seen = new Map<bigint, bigint>();
  return coins.filter(({ amount }) => {
    const count = (seen.get(amount) ?? 0n) + 1n;
    seen.set(amount, count);
    return count > READY_PER_AMOUNT;
  });
}
