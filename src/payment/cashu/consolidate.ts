import { RouterError } from '../../lib/errors.ts';
import { coinsOf, TREASURY } from '../../wallet/coins.ts';
import type { Coin } from '../../wallet/coins.ts';
import type { Mint } from '../../wallet/mints.ts';
import { greedy } from '../../wallet/split.ts';
import type { SwapPlan } from '../../wallet/swap.ts';
import { spendingFee } from './change.ts';
import { activeKeyset, ownInput, worthOf } from './inputs.ts';
import type { CashuParts } from './parts.ts';

/** So many of the router's own coins at a mint are swapped for few, and so many at once. */
const COINS_PER_SWAP = 100;
/** Only if the mint takes at most one part in so many. */
const LEAST_WORTH_PER_FEE = 100n;
const INTERVAL_MS = 600_000;
const LANE_WAIT_MS = 5_000;

export interface Consolidation {
  /** Looks at every mint once; how many swaps were made. */
  once(): Promise<number>;
  start(): void;
  stop(): void;
}

/** Keeps the treasury in few coins: every request leaves some, and each costs its fee when it is spent. */
export function createConsolidation(parts: CashuParts): Consolidation {
  const { store, wallet, clock, log } = parts;
  let timer: NodeJS.Timeout | undefined;

  async function consolidate(mint: Mint): Promise<boolean> {
    const turn = { key: TREASURY, deadlineMs: clock.now() + LANE_WAIT_MS };
    const outcome = await wallet.swap(mint, turn, async () => {
      const coins = await store.read(() => coinsOf(TREASURY, 'free'));
      return consolidationPlan(parts, mint, coins);
    });
    return outcome?.kind === 'applied';
  }

  async function once(): Promise<number> {
    let swaps = 0;
    for (const mint of wallet.mints.all.filter(({ away }) => !away)) {
      try {
        if (await consolidate(mint)) swaps += 1;
      } catch (error) {
        // A busy or silent mint has more important things to do than ours.
        if (!(error instanceof RouterError)) throw error;
        log.debug(
          { mint: mint.url, code: error.code },
          'the treasury is consolidated another time',
        );
      }
    }
    return swaps;
  }

  return {
    once,
    start() {
      timer = setInterval(() => {
        once().catch((error: unknown) => log.error({ err: error }, 'consolidation failed'));
      }, INTERVAL_MS).unref();
    },
    stop() {
      clearInterval(timer);
    },
  };
}

/** The smallest coins of one mint for the fewest, or undefined where that is not worth its fee. */
function consolidationPlan(
  parts: CashuParts,
  mint: Mint,
  treasury: readonly Coin[],
): SwapPlan | undefined {
  const coins = treasury.filter((coin) => coin.mint === mint.id).slice(-COINS_PER_SWAP);
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
