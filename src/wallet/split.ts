/** No set of coins that we choose has more pieces than this. */
export const MAX_COINS = 1000;

/** Bounds the search (and its recursion) for an exact sum among coins whose amounts do not divide each other. */
const MAX_SEARCH_STEPS = 5000;

export interface SpendableCoin {
  readonly amount: bigint;
  /** NUT-02 input fee of its keyset, in thousandths of a unit. */
  readonly ppk: bigint;
}

/**
 * The fewest coins worth `amount`, largest first. `denominations` may be in any order. Throws RangeError when they cannot
 * make the amount, or only with more than `MAX_COINS` coins.
 */
export function greedy(amount: bigint, denominations: readonly bigint[]): bigint[] {
  const coins: bigint[] = [];
  let rest = amount;
  for (const denomination of descending(denominations)) {
    const count = rest / denomination;
    if (count > BigInt(MAX_COINS - coins.length)) throw new RangeError('too many coins');
    for (let i = 0n; i < count; i += 1n) coins.push(denomination);
    rest -= count * denomination;
  }
  if (rest !== 0n) throw new RangeError('the denominations cannot make this amount');
  return coins;
}

/**
 * Coins worth `value` from which every change in [value - hold, value] can be picked exactly: a complete set (1, 2, 4, ...) for
 * what may be charged, and the fewest for the rest. The set may reach further than `hold` where that makes fewer coins in all:
 * who gets the change pays the mint per coin. A `hold` above `value` counts as `value`. Where the denominations cannot make a
 * complete set the coins are merely the fewest. Throws RangeError as `greedy` does.
 */
export function splitForChange(
  value: bigint,
  hold: bigint,
  denominations: readonly bigint[],
): bigint[] {
  const open = hold < value ? hold : value;
  let best: bigint[] | undefined;
  for (const reach of [open, ...fullSets(open, value), value]) {
    const complete = completeSet(reach, denominations);
    if (complete === undefined) continue;
    const coins = [...greedy(value - reach, denominations), ...complete];
    if (best === undefined || coins.length < best.length) best = coins;
  }
  return best ?? greedy(value, denominations);
}

/**
 * Coins worth `value` from which up to `times` payments of at most `size` each can be made exactly, as far as `value` suffices;
 * the fewest for the rest. Throws RangeError as `greedy` does.
 */
export function splitForPayments(
  value: bigint,
  payments: { readonly size: bigint; readonly times: number },
  denominations: readonly bigint[],
): bigint[] {
  const [reach = 0n] = fullSets(payments.size, value);
  const set = reach === 0n ? undefined : completeSet(reach, denominations);
  if (set === undefined) return greedy(value, denominations);
  const most = value / reach;
  const times = most < BigInt(payments.times) ? Number(most) : payments.times;
  const sets = Array.from({ length: times }, () => set).flat();
  return [...sets, ...greedy(value - reach * BigInt(times), denominations)];
}

/** 1, 3, 7, ...: what 1, 2, 4, ... reach with one coin each; from `least` up to `most`. */
function fullSets(least: bigint, most: bigint): bigint[] {
  const sets: bigint[] = [];
  for (let reach = 1n; reach <= most; reach = reach * 2n + 1n) if (reach >= least) sets.push(reach);
  return sets;
}

/** Coins worth `total` that make every sum up to it, each at most one more than all smaller ones together; undefined if impossible. */
function completeSet(total: bigint, denominations: readonly bigint[]): bigint[] | undefined {
  const sorted = descending(denominations);
  const coins: bigint[] = [];
  let reach = 0n;
  while (reach < total) {
    const most = reach + 1n < total - reach ? reach + 1n : total - reach;
    const next = sorted.find((denomination) => denomination <= most);
    if (next === undefined || coins.length === MAX_COINS) return undefined;
    coins.push(next);
    reach += next;
  }
  return coins;
}

/**
 * Indices of coins worth exactly `amount`, few and large ones first, or undefined. Always finds a sum that exists where
 * every amount divides the next larger one (powers of two); elsewhere the search is bounded and may give up.
 */
export function pickExact(
  coins: readonly { readonly amount: bigint }[],
  amount: bigint,
): number[] | undefined {
  if (amount === 0n) return [];
  const order = largestFirst(coins);
  const amounts = order.map(({ amount }) => amount);
  const chosen = isDivisorChain(amounts)
    ? takeGreedily(amounts, amount)
    : searchExact(amounts, amount);
  return chosen?.map((position) => order[position]?.index ?? -1);
}

/** In a divisor chain, if any subset makes the sum then the one that takes the largest coins first does. */
function takeGreedily(amounts: readonly bigint[], target: bigint): number[] | undefined {
  const chosen: number[] = [];
  let rest = target;
  for (const [position, amount] of amounts.entries()) {
    if (amount > rest) continue;
    chosen.push(position);
    rest -= amount;
  }
  return rest === 0n ? chosen : undefined;
}

function searchExact(amounts: readonly bigint[], target: bigint): number[] | undefined {
  const sumFrom = suffixSums(amounts);
  const chosen: number[] = [];
  let steps = 0;
  const search = (position: number, rest: bigint): boolean => {
    if (rest === 0n) return true;
    const amount = amounts[position];
    steps += 1;
    if (amount === undefined || steps > MAX_SEARCH_STEPS || (sumFrom[position] ?? 0n) < rest) {
      return false;
    }
    if (amount <= rest) {
      chosen.push(position);
      if (search(position + 1, rest - amount)) return true;
      chosen.pop();
    }
    return search(position + 1, rest);
  };
  return search(0, target) ? chosen : undefined;
}

/**
 * Indices of few coins that are worth at least `amount` and their own input fee, overpaying little; undefined when all
 * coins together are not. Coins that cost more than they are worth are left out.
 */
export function pickCovering(
  coins: readonly SpendableCoin[],
  amount: bigint,
): number[] | undefined {
  const order = largestFirst(coins).filter(({ coin }) => coin.amount * 1000n > coin.ppk);
  const chosen: typeof order = [];
  let worth = 0n;
  let ppk = 0n;
  const covers = (candidate: SpendableCoin): boolean =>
    worth + candidate.amount - (ppk + candidate.ppk + 999n) / 1000n >= amount;

  if (amount === 0n) return [];
  while (order.length > 0) {
    const last = order.findLastIndex(({ coin }) => covers(coin));
    const [next] = order.splice(last === -1 ? 0 : last, 1);
    if (next === undefined) break;
    chosen.push(next);
    if (last !== -1) return withoutSpare(chosen, amount);
    worth += next.coin.amount;
    ppk += next.coin.ppk;
  }
  return undefined;
}

/** Drops the smallest coins that are not needed after all. */
function withoutSpare(
  chosen: readonly { readonly index: number; readonly coin: SpendableCoin }[],
  amount: bigint,
): number[] {
  let kept = [...chosen].toSorted((a, b) => compare(a.coin.amount, b.coin.amount));
  for (const candidate of kept) {
    const rest = kept.filter((other) => other !== candidate);
    const worth = rest.reduce((sum, { coin }) => sum + coin.amount, 0n);
    const ppk = rest.reduce((sum, { coin }) => sum + coin.ppk, 0n);
    if (rest.length > 0 && worth - (ppk + 999n) / 1000n >= amount) kept = rest;
  }
  return kept.map(({ index }) => index);
}

function largestFirst<Coin extends { readonly amount: bigint }>(
  coins: readonly Coin[],
): { index: number; amount: bigint; coin: Coin }[] {
  return coins
    .map((coin, index) => ({ index, amount: coin.amount, coin }))
    .filter(({ amount }) => amount > 0n)
    .toSorted((a, b) => compare(b.amount, a.amount));
}

function isDivisorChain(descendingAmounts: readonly bigint[]): boolean {
  return descendingAmounts.every((amount, i) => {
    const larger = descendingAmounts[i - 1];
    return larger === undefined || larger % amount === 0n;
  });
}

function suffixSums(amounts: readonly bigint[]): bigint[] {
  let sum = 0n;
  return amounts
    .toReversed()
    .map((amount) => (sum += amount))
    .toReversed();
}

function descending(denominations: readonly bigint[]): bigint[] {
  return denominations.filter((amount) => amount > 0n).toSorted((a, b) => compare(b, a));
}

function compare(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
