import type { Msat } from '../lib/amount.ts';
import type { Decimal } from '../lib/decimal.ts';
import { ceilTimes, multiply, parseDecimal, shiftDown } from '../lib/decimal.ts';
import type { PriceSnapshot } from './snapshot.ts';
import { PMSAT_PER_MSAT } from './snapshot.ts';

/** A provider's prices: `input` to `reasoning` per million tokens, the others per piece. Decimals in `unit`, not negative. */
export interface PriceConfig {
  readonly unit: 'usd' | 'sat';
  readonly input: DecimalLike;
  readonly output: DecimalLike;
  /** Default: `input`. */
  readonly cachedInput?: DecimalLike | undefined;
  /** Default: `output`. */
  readonly reasoning?: DecimalLike | undefined;
  readonly request?: DecimalLike | undefined;
  readonly image?: DecimalLike | undefined;
  readonly minimum?: DecimalLike | undefined;
}

/** `0.1`, `1e-7`, or a JSON number, which means its shortest text. */
export type DecimalLike = string | number;

export interface PriceOptions {
  /** Public model id. */
  readonly model: string;
  readonly provider: string;
  /** Factor on every price. */
  readonly markup: DecimalLike;
  /** Pico-msat per US dollar; undefined while no rate is known. */
  readonly usdPmsat: bigint | undefined;
}

const PMSAT_PER_SAT = 1_000n * PMSAT_PER_MSAT;
const MILLION_PLACES = 6;

/** So many digits survive as a JSON number, so that the price we publish is to the last digit the one we charge. */
const MAX_PRICE_DIGITS = 15;

/**
 * Quantises prices, each rounded up once: to a whole pico-msat, and to 15 significant digits. `no-rate` when they are in USD
 * and no exchange rate is known. Throws RangeError for what is no decimal.
 */
export function priceOf(config: PriceConfig, options: PriceOptions): PriceSnapshot | 'no-rate' {
  const pmsatPerUnit = config.unit === 'sat' ? PMSAT_PER_SAT : options.usdPmsat;
  if (pmsatPerUnit === undefined) return 'no-rate';
  const markup = requireDecimal(options.markup);
  const perPiece = (price: DecimalLike): bigint =>
    quantise(multiply(requireDecimal(price), markup), pmsatPerUnit);
  const perToken = (price: DecimalLike): bigint =>
    quantise(shiftDown(multiply(requireDecimal(price), markup), MILLION_PLACES), pmsatPerUnit);
  const inputPmsat = perToken(config.input);
  const outputPmsat = perToken(config.output);
  const { cachedInput, reasoning, image, request, minimum } = config;
  return {
    model: options.model,
    provider: options.provider,
    inputPmsat,
    cachedInputPmsat: cachedInput === undefined ? inputPmsat : perToken(cachedInput),
    outputPmsat,
    reasoningPmsat: reasoning === undefined ? outputPmsat : perToken(reasoning),
    imagePmsat: image === undefined ? 0n : perPiece(image),
    requestPmsat: request === undefined ? 0n : perPiece(request),
    purchasePmsat: 0n,
    minimumPmsat: minimum === undefined ? 0n : perPiece(minimum),
    usdPmsat: config.unit === 'usd' ? options.usdPmsat : undefined,
  };
}

/**
 * The same prices with what it costs to buy each answer: `overhead` per request, on top of the provider's minimum too. At most
 * a 10^-14th of the price is added, so that the sums have no more digits than a JSON number keeps.
 */
export function withPurchase(snapshot: PriceSnapshot, overhead: Msat): PriceSnapshot {
  if (overhead === 0n) return snapshot;
  const { requestPmsat, minimumPmsat } = snapshot;
  const pmsat = overhead * PMSAT_PER_MSAT;
  return {
    ...snapshot,
    purchasePmsat: inFewDigits(requestPmsat + pmsat) - requestPmsat,
    minimumPmsat: minimumPmsat === 0n ? 0n : inFewDigits(minimumPmsat + pmsat),
  };
}

function requireDecimal(value: DecimalLike): Decimal {
  const decimal = parseDecimal(value);
  if (decimal === undefined) throw new RangeError('a price must be a decimal that is not negative');
  return decimal;
}

function quantise(price: Decimal, pmsatPerUnit: bigint): bigint {
  return inFewDigits(ceilTimes(price, pmsatPerUnit));
}

/** Rounded up to so many significant digits as a JSON number keeps. */
function inFewDigits(pmsat: bigint): bigint {
  const excess = String(pmsat).length - MAX_PRICE_DIGITS;
  if (excess <= 0) return pmsat;
  const step = 10n ** BigInt(excess);
  return ((pmsat + step - 1n) / step) * step;
}
