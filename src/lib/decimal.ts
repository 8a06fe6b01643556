/** An exact decimal that is not negative: `digits` times 10^-`scale`. `scale` is never negative. */
export interface Decimal {
  readonly digits: bigint;
  readonly scale: number;
}

/** No price, factor or rate needs more, and arithmetic on what strangers send stays cheap. */
const MAX_DIGITS = 40;
const MAX_SCALE = 40;
const GRAMMAR = /^(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,2}))?$/;

/**
 * Reads a decimal from text (`0.10`, `1e-7`) or from a JSON number (which means its shortest text). Undefined for anything
 * else: negative, not finite, empty, of more than 40 digits or with a last digit beyond the 40th place.
 */
export function parseDecimal(value: unknown): Decimal | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const text = String(value);
  if (text.length > MAX_DIGITS + '.e-40'.length) return undefined;
  const [, whole, fraction = '', exponentText = '0'] = GRAMMAR.exec(text) ?? [];
  if (whole === undefined || whole.length + fraction.length > MAX_DIGITS) return undefined;
  const scale = fraction.length - Number(exponentText);
  if (Math.abs(scale) > MAX_SCALE) return undefined;
  const digits = BigInt(whole + fraction);
  return scale < 0 ? { digits: digits * 10n ** BigInt(-scale), scale: 0 } : { digits, scale };
}

/** The exact product. */
export function multiply(a: Decimal, b: Decimal): Decimal {
  return { digits: a.digits * b.digits, scale: a.scale + b.scale };
}

/** `decimal` divided by 10^`places`, exactly. */
export function shiftDown(decimal: Decimal, places: number): Decimal {
  return { digits: decimal.digits, scale: decimal.scale + places };
}

/** The least whole number that is not below `decimal` times `factor`; `factor` must not be negative. */
export function ceilTimes(decimal: Decimal, factor: bigint): bigint {
  return ceilDivide(decimal.digits * factor, 10n ** BigInt(decimal.scale));
}

/** The least whole number that is not below `dividend` / `divisor`; neither may be negative, nor `divisor` zero. */
export function ceilDivide(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}
