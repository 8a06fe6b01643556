import { book } from '../../ledger/entries.ts';
import { RouterError } from '../../lib/errors.ts';
import type { Operation } from '../../store/operation.ts';
import { coinsOf, giveCoins, latestChange, treasuryTotals, TREASURY } from '../../wallet/coins.ts';
import type { Coin } from '../../wallet/coins.ts';
import { redeemedBy } from '../../wallet/journal.ts';
import type { Mint } from '../../wallet/mints.ts';
import { greedy, pickCovering, pickExact } from '../../wallet/split.ts';
import type { SwapOutcome, SwapPlan } from '../../wallet/swap.ts';
import { parseTokenFresh } from '../../wallet/token.ts';
import { spendingFee } from './change.ts';
import { alreadySpent, mintAway } from './errors.ts';
import { activeKeyset, ownInput, worthOf } from './inputs.ts';
import type { CashuParts } from './parts.ts';
import { tokenOfCoins } from './payment.ts';

/** The router's own money: what it earned and what its operator put in. */
export interface Treasury {
  balance(): Promise<readonly { mint: string; sat: bigint; coins: bigint }[]>;
  /** Swaps an operator's token into the treasury; the sat that came in. */
  receive(text: string): Promise<bigint>;
  /** A token of exactly `sat` from the treasury; its coins are given for good. */
  send(sat: bigint, mintUrl: string | undefined): Promise<string>;
  /** The token that `send` gave last, again: for when its answer was lost. Undefined when nothing was ever sent. */
  lastSent(): Promise<string | undefined>;
}

const OPERATOR_WAIT_MS = 60_000;
/** An operator's token may be long: it comes by command line, not by header. */
const OPERATOR_LIMITS = { maxChars: 1_000_000, maxProofs: 500 };

export function createTreasury(parts: CashuParts): Treasury {
  const { store, wallet, crypto, clock } = parts;
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
      const worth = token.amount - token.fee;
      // What an earlier call left unclear is cleared first: it may have been this very token.
      const resumed = await wallet.resume(token.mint, turn(), TREASURY);
      const spent = await store.read(() => redeemedBy(token.proofs.map(({ y }) => y)));
      if (spent === TREASURY && resumed?.kind === 'applied') return worth;
      if (spent !== undefined) throw alreadySpent();
      const keyset = activeKeyset(token.mint);
      const outputs = greedy(worth, keyset.denominations);
      const { mint, proofs: inputs, fee } = token;
      const plan: SwapPlan = {
        mint,
        purpose: 'fund',
        owner: TREASURY,
        seed: 'treasury',
        inputs,
        keyset,
        outputs,
        fee,
      };
      mustApply(await wallet.swap(mint, turn(), async () => plan));
      return worth;
    },
    async send(sat, mintUrl) {
      const mint = await chooseMint(parts, sat, mintUrl);
      const coins = await store.read(() => coinsOf(TREASURY, 'free'));
      const own = coins.filter((coin) => coin.mint === mint.id);
      if (pickExact(own, sat) === undefined)
        mustApply(await wallet.swap(mint, turn(), async () => splitPlan(parts, mint, own, sat)));
      const given = await store.write(() => giveExact(parts, mint, sat), 'disk');
      return tokenOfCoins(parts, given, mint);
    },
    async lastSent() {
      const coins = await store.read(() => latestChange(TREASURY));
      const mint = coins[0] === undefined ? undefined : wallet.mints.byId(coins[0].mint);
      return mint === undefined ? undefined : tokenOfCoins(parts, coins, mint);
    },
  };
}

async function chooseMint(parts: CashuParts, sat: bigint, url: string | undefined): Promise<Mint> {
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
function splitPlan(parts: CashuParts, mint: Mint, coins: readonly Coin[], sat: bigint): SwapPlan {
  const spendable = coins.map((coin) => ({
    amount: coin.amount,
    ppk: mint.keyset(coin.keyset)?.ppk ?? 0n,
  }));
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

function* giveExact(parts: CashuParts, mint: Mint, sat: bigint): Operation<readonly Coin[]> {
  const coins = (yield* coinsOf(TREASURY, 'free')).filter((coin) => coin.mint === mint.id);
  const picked = pickExact(coins, sat)?.flatMap((index) => coins[index] ?? []);
  if (picked === undefined) throw new Error('the treasury cannot make this amount');
  yield* giveCoins(picked, TREASURY);
  yield* book({
    debit: 'treasury',
    credit: 'operator',
    amountMsat: sat * 1000n,
    reason: 'sent',
    atMs: parts.clock.now(),
  });
  return picked;
}

function mustApply(outcome: SwapOutcome | undefined): void {
  if (outcome?.kind === 'applied') return;
  if (outcome?.kind === 'refused' && outcome.verdict === 'spent') throw alreadySpent();
  throw mintAway();
}
