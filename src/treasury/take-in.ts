import { TREASURY } from '../wallet/coins.ts';
import { earlierSwap } from '../wallet/earlier-swap.ts';
import type { SwapRow, SwapSource } from '../wallet/journal.ts';
import { activeKeyset } from '../wallet/own-coins.ts';
import { greedy } from '../wallet/split.ts';
import type { SwapOutcome, SwapPlan } from '../wallet/swap.ts';
import type { IncomingToken } from '../wallet/token.ts';
import type { SwapTurn } from '../wallet/wallet.ts';
import type { TreasuryOptions } from './parts.ts';

export interface TakeInOrder {
  readonly token: IncomingToken;
  readonly purpose: 'fund' | 'collect';
  readonly from: SwapSource | undefined;
  readonly turn: SwapTurn;
}

export type TakenIn =
  /** `isOld`: that was so already when this call began. */
  | { readonly kind: 'applied'; readonly row: SwapRow; readonly isOld: boolean }
  | Exclude<SwapOutcome, { kind: 'applied' }>;

/** A refused swap may be tried anew by another call in between; that is the end of it. */
const MAX_TRIES = 4;

/**
 * Swaps a token into the treasury. The same token for the same order is swapped once, whoever asks and however often; one that
 * an earlier call left unclear is resolved, and sent again if that can help. Rejects with RouterError as `Wallet.swap` does.
 */
export async function takeIn(parts: TreasuryOptions, order: TakeInOrder): Promise<TakenIn> {
  const { store, wallet } = parts;
  const { token, turn } = order;
  const ys = token.proofs.map(({ y }) => y);
  const before = async () => store.read(() => earlierSwap({ ...order, ys }));
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const earlier = await before();
    if (earlier.kind === 'spent') return { kind: 'refused', verdict: 'spent' };
    if (earlier.kind === 'same' && earlier.row.state === 'applied')
      return { kind: 'applied', row: earlier.row, isOld: tries === 0 };
    const outcome =
      earlier.kind === 'same'
        ? await wallet.finish(token.mint, turn, earlier.row.id)
        : await wallet.swap(token.mint, turn, async () =>
            // Another call may have come through the mint's lane since.
            (await before()).kind === 'none' ? plan(order) : undefined,
          );
    if (outcome !== undefined && outcome.kind !== 'applied') return outcome;
  }
  return { kind: 'open' };
}

function plan({ token, purpose, from }: TakeInOrder): SwapPlan {
  const { mint, proofs: inputs, amount, fee } = token;
  const keyset = activeKeyset(mint);
  return {
    mint,
    purpose,
    owner: TREASURY,
    seed: 'treasury',
    inputs,
    keyset,
    outputs: greedy(amount - fee, keyset.denominations),
    fee,
    ...(from === undefined ? {} : { from }),
  };
}
