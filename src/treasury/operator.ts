import { RouterError } from '../lib/errors.ts';
import type { Operation } from '../store/operation.ts';
import { coinsOf, treasuryTotals, TREASURY } from '../wallet/coins.ts';
import type { Coin } from '../wallet/coins.ts';
import type { Mint } from '../wallet/mints.ts';
import {
  activeKeyset,
  ownInput,
  ppkOf,
  spendingFee,
  tokenOfCoins,
  worthOf,
} from '../wallet/own-coins.ts';
import { greedy, pickCovering, pickExact } from '../wallet/split.ts';
import type { SwapPlan } from '../wallet/swap.ts';
import { alreadySpent, mintAway } from '../wallet/token-errors.ts';
import { parseTokenFresh } from '../wallet/token.ts';
import { givenCoins } from '../wallet/treasury-coins.ts';
import type { TreasuryOptions } from './parts.ts';
import { takeIn } from './take-in.ts';
import { giveToken, lastSent } from './tokens.ts';
import type { Treasury } from './treasury.ts';

const OPERATOR_WAIT_MS = 60_000;
/** An operator's token may be long: it comes by command line, not by header. */
const OPERATOR_LIMITS = { maxChars: 1_000_000, maxProofs: 500 };

/** What an operator does with the treasury by hand. */
export function createOperator(
  parts: TreasuryOptions,
): Pick<Treasury, 'balance' | 'receive' | 'send' | 'lastSent'> {
  const { store, wallet, crypto, seeds, clock } = parts;
  const turn = () => ({ key: 'operator', deadlineMs: clock.now() + OPERATOR_WAIT_MS });
  return {
    async balance() {
      const rows = await store.read(treasuryTotals);
      return rows.map(({ mint, total, coins }) => ({
        mint: wallet.mints.byId(mint)?.url ?? `mint ${mint}`,
        sat: total,
        coins,
      }));
    },
    async receive(text) {
      const token = await parseTokenFresh(text, wallet.mints, crypto, OPERATOR_LIMITS);
      const order = { token, purpose: 'fund', from: undefined, turn: turn() } as const;
      const taken = await takeIn(parts, order);
      if (taken.kind === 'applied' && !taken.isOld) return taken.row.input_amount - taken.row.fee;
      if (taken.kind === 'applied' || (taken.kind === 'refused' && taken.verdict === 'spent'))
        throw alreadySpent();
      throw mintAway();
    },
    async send(sat, mintUrl) {
      const mint = await chooseMint(parts, sat, mintUrl);
      const coins = await store.read(() => coinsOf(TREASURY, 'free'));
      const own = coins.filter((coin) => coin.mint === mint.id);
      if (pickExact(own, sat) === undefined) {
        const plan = splitPlan(parts, mint, own, sat);
        const outcome = await wallet.swap(mint, turn(), async () => plan);
        if (outcome?.kind !== 'applied') throw mintAway();
      }
      const given = await store.write(() => giveExact(mint, sat, clock.now()), 'disk');
      return tokenOfCoins(seeds, given, mint);
    },
    async lastSent() {
      const row = await store.read(lastSent);
      const mint = row === undefined ? undefined : wallet.mints.byId(row.mint);
      if (row === undefined || mint === undefined) return undefined;
      return tokenOfCoins(seeds, await store.read(() => givenCoins(row.id)), mint);
    },
  };
}

async function chooseMint(
  parts: TreasuryOptions,
  sat: bigint,
  url: string | undefined,
): Promise<Mint> {
  const totals = await parts.store.read(treasuryTotals);
  const found = totals.find(({ mint, total }) => {
    const candidate = parts.wallet.mints.byId(mint);
    const wanted = url === undefined || parts.wallet.mints.byUrl(url) === candidate;
    return wanted && candidate !== undefined && total >= sat;
  });
  const mint = found === undefined ? undefined : parts.wallet.mints.byId(found.mint);
  if (mint === undefined)
    throw new RouterError('insufficient_balance', 'The treasury has not that much at one mint.');
  return mint;
}

/** Breaks as few treasury coins as it takes to make `sat` exactly. */
function splitPlan(
  parts: TreasuryOptions,
  mint: Mint,
  coins: readonly Coin[],
  sat: bigint,
): SwapPlan {
  const spendable = coins.map((coin) => ({ amount: coin.amount, ppk: ppkOf(coin, mint) }));
  const picked = pickCovering(spendable, sat)?.flatMap((index) => coins[index] ?? []);
  if (picked === undefined)
    throw new RouterError('insufficient_balance', 'The treasury has not that much, with fees.');
  const keyset = activeKeyset(mint);
  const fee = spendingFee(picked, mint);
  const rest = worthOf(picked) - fee - sat;
  return {
    mint,
    purpose: 'split',
    owner: TREASURY,
    seed: 'treasury',
    inputs: picked.map((coin) => ownInput(coin, parts.seeds)),
    keyset,
    outputs: [...greedy(sat, keyset.denominations), ...greedy(rest, keyset.denominations)],
    fee,
  };
}

function* giveExact(mint: Mint, sat: bigint, nowMs: number): Operation<readonly Coin[]> {
  const coins = (yield* coinsOf(TREASURY, 'free')).filter((coin) => coin.mint === mint.id);
  const picked = pickExact(coins, sat)?.flatMap((index) => coins[index] ?? []);
  if (picked === undefined) throw new Error('the treasury cannot make this amount');
  yield* giveToken({ mint, coins: picked, holder: 'operator', reason: 'sent', nowMs });
  return picked;
}
