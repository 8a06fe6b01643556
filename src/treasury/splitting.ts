import { CoinTaken, TREASURY } from '../wallet/coins.ts';
import type { Coin } from '../wallet/coins.ts';
import type { Mint } from '../wallet/mints.ts';
import { activeKeyset, ownInput, ppkOf, spendingFee, worthOf } from '../wallet/own-coins.ts';
import { greedy, pickCovering, splitForPayments } from '../wallet/split.ts';
import type { SwapPlan } from '../wallet/swap.ts';
import { mintAway } from '../wallet/token-errors.ts';
import { largestCoins, smallestCoins } from '../wallet/treasury-coins.ts';
import { fittingCoins, isSpendable } from './fitting.ts';
import type { TreasuryOptions } from './parts.ts';

/** A split makes coins for so many payments of the same size beyond the one that needs it. */
const READY_PAYMENTS = 4;
/** Coins that a split makes for other payments than the one that needs it, those that wait for it included. */
const MAX_READY_COINS = 128;
/** Coins looked at for a split: the largest ones. */
const MAX_INPUTS = 200n;
const LANE_WAIT_MS = 10_000;

/** Breaks coins so that amounts can be paid exactly: one split at a time at each mint. */
export interface Splitting {
  /**
   * Splits so that `sat` can be paid; resolves with the fee when it did, 0 when that was not needed (any more), when another
   * split was waited for instead, or when a payment took the coins; undefined when the mint's coins are not worth `sat` and the
   * fee. Rejects with RouterError.
   */
  split(mint: Mint, sat: bigint): Promise<bigint | undefined>;
}

export function createSplitting(parts: TreasuryOptions): Splitting {
  const { wallet, clock } = parts;
  const running = new Map<bigint, Promise<bigint | undefined>>();
  const wanted = new Map<bigint, bigint[]>();

  async function splitNow(mint: Mint, sat: bigint): Promise<bigint | undefined> {
    const turn = { key: TREASURY, deadlineMs: clock.now() + LANE_WAIT_MS };
    let feeSat: bigint | undefined = 0n;
    const outcome = await wallet.swap(mint, turn, async () => {
      const plan = await planSplit(parts, mint, { sat, all: wanted.get(mint.id) ?? [] });
      feeSat = plan === 'fits' ? 0n : plan?.fee;
      return plan === 'fits' ? undefined : plan;
    });
    if (outcome !== undefined && outcome.kind !== 'applied') throw mintAway();
    return feeSat;
  }

  async function joinOrSplit(mint: Mint, sat: bigint): Promise<bigint | undefined> {
    const other = running.get(mint.id);
    if (other !== undefined) {
      // A mint that fails one fails all who wait: each trying after the other would keep the last for minutes.
      await other;
      return 0n;
    }
    const own = splitNow(mint, sat)
      .catch(unlessTaken)
      .finally(() => running.delete(mint.id));
    running.set(mint.id, own);
    return own;
  }

  return {
    async split(mint, sat) {
      const waiting = wanted.get(mint.id) ?? [];
      wanted.set(mint.id, waiting);
      waiting.push(sat);
      try {
        return await joinOrSplit(mint, sat);
      } finally {
        waiting.splice(waiting.indexOf(sat), 1);
      }
    },
  };
}

/** Who gives coins does not wait in the mint's lane: another split finds others. */
function unlessTaken(error: unknown): bigint {
  if (error instanceof CoinTaken) return 0n;
  throw error;
}

interface Wanted {
  readonly sat: bigint;
  /** What everybody wants who waits for a split of this mint, also `sat`. */
  readonly all: readonly bigint[];
}

async function planSplit(
  parts: TreasuryOptions,
  mint: Mint,
  { sat, all }: Wanted,
): Promise<SwapPlan | 'fits' | undefined> {
  const { mints } = parts.wallet;
  if ((await parts.store.read(() => fittingCoins(mints, mint, sat))) !== undefined) return 'fits';
  const size = all.reduce((most, one) => (one > most ? one : most), sat);
  const coinsPerPayment = size.toString(2).length;
  const most = Math.ceil(MAX_READY_COINS / coinsPerPayment);
  const payments = { size, times: Math.min(READY_PAYMENTS + all.length - 1, most) };
  const inputs = await coinsToBreak(parts, mint, sat, size * BigInt(payments.times));
  if (inputs === undefined) return undefined;
  const keyset = activeKeyset(mint);
  const fee = spendingFee(inputs, mint);
  const rest = worthOf(inputs) - fee - sat;
  const { denominations } = keyset;
  return {
    mint,
    purpose: 'split',
    owner: TREASURY,
    seed: 'treasury',
    inputs: inputs.map((coin) => ownInput(coin, parts.seeds)),
    keyset,
    outputs: [...greedy(sat, denominations), ...splitForPayments(rest, payments, denominations)],
    fee,
  };
}

/** Few coins worth `sat` and their fee, and if that can be `more` beyond it: then the next payments need no split. */
async function coinsToBreak(
  parts: TreasuryOptions,
  mint: Mint,
  sat: bigint,
  more: bigint,
): Promise<readonly Coin[] | undefined> {
  const coins = await parts.store.read(function* () {
    const enough = yield* smallestCoins(mint.id, sat + more + 1n, 1n);
    const largest = yield* largestCoins(mint.id, MAX_INPUTS);
    const other = enough.filter(
      (coin) => !largest.some(({ y }) => Buffer.compare(y, coin.y) === 0),
    );
    return [...other, ...largest].filter((coin) =>
      isSpendable(parts.wallet.mints, mint, coin.keyset),
    );
  });
  const spendable = coins.map((coin) => ({ amount: coin.amount, ppk: ppkOf(coin, mint) }));
  const picked = pickCovering(spendable, sat + more) ?? pickCovering(spendable, sat);
  return picked?.flatMap((index) => coins[index] ?? []);
}
