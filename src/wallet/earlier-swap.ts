import { hexOf } from '../lib/hex.ts';
import { all, query } from '../store/operation.ts';
import type { Operation } from '../store/operation.ts';
import { inputsOf } from './journal.ts';
import type { Purpose, SwapRow, SwapSource } from './journal.ts';

/** Refused operations have forgotten their inputs: what is found is open or applied. */
const WITH_INPUT = query<SwapRow>(
  `SELECT operation.* FROM operation_input JOIN operation ON operation.id = operation_input.operation
   WHERE operation_input.y = ? ORDER BY operation.id DESC LIMIT 16`,
);

export type Earlier =
  | { readonly kind: 'none' }
  /** The same swap, open or applied. */
  | { readonly kind: 'same'; readonly row: SwapRow }
  /** One of the coins was swapped for something else. */
  | { readonly kind: 'spent' };

export interface SwapOrder {
  readonly purpose: Purpose;
  readonly ys: readonly Uint8Array[];
  readonly from: SwapSource | undefined;
}

/** What was done with these inputs before. An open swap of them for something else counts for nothing: the mint decides. */
export function* earlierSwap(order: SwapOrder): Operation<Earlier> {
  let open: SwapRow | undefined;
  for (const y of order.ys)
    for (const row of yield* all(WITH_INPUT, y)) {
      const same = yield* isSame(row, order);
      if (row.state === 'applied') return same ? { kind: 'same', row } : { kind: 'spent' };
      if (same) open = row;
    }
  return open === undefined ? { kind: 'none' } : { kind: 'same', row: open };
}

function* isSame(row: SwapRow, { purpose, ys, from }: SwapOrder): Operation<boolean> {
  if (row.purpose !== purpose || row.node !== (from?.node ?? null)) return false;
  if (row.reference !== (from?.reference ?? null)) return false;
  const inputs = new Set((yield* inputsOf(row.id)).map(hexOf));
  return inputs.size === ys.length && ys.every((y) => inputs.has(hexOf(y)));
}
