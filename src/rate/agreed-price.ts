/** A source further than this from the median is wrong, slow or lying. */
const MAX_DEVIATION_PERCENT = 5n;
const MIN_AGREEING = 2;

/**
 * The median of those prices that agree with each other: within 5 % of the median of all. Undefined when fewer than two
 * agree, or no majority.
 */
export function agreedPrice(prices: readonly bigint[]): bigint | undefined {
  const middle = medianOf(prices);
  const agreeing = prices.filter((price) => {
    const deviation = price > middle ? price - middle : middle - price;
    return deviation * 100n <= middle * MAX_DEVIATION_PERCENT;
  });
  if (agreeing.length < MIN_AGREEING || agreeing.length * 2 <= prices.length) return undefined;
  return medianOf(agreeing);
}

/** The lower middle and the upper middle, halved. Zero for no prices. */
function medianOf(prices: readonly bigint[]): bigint {
  const sorted = prices.toSorted((a, b) => (a < b ? -1 : Number(a > b)));
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0n;
  const upper = sorted[Math.floor(sorted.length / 2)] ?? 0n;
  return (lower + upper) / 2n;
}
