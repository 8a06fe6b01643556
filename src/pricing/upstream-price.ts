import { ceilTimes, parseDecimal } from '../lib/decimal.ts';
import type { DecimalLike, PriceConfig } from './price-list.ts';

/** What an upstream's model list says: decimals, per token or per piece. */
export interface UpstreamPrices {
  readonly input: DecimalLike;
  readonly output: DecimalLike;
  readonly cachedInput: DecimalLike | undefined;
  readonly reasoning: DecimalLike | undefined;
  readonly image: DecimalLike | undefined;
  readonly request: DecimalLike | undefined;
  readonly minimum?: DecimalLike | undefined;
}

/** No token, image or request costs more; who says so wants to be refused, or to overflow something. */
const MAX_PRICES = { usd: 1_000_000n, sat: 1_000_000_000n } as const;

/** The same prices as we configure them; undefined when one of them is no price (OpenRouter says `-1` for "it depends"). */
export function upstreamPrice(
  prices: UpstreamPrices,
  unit: PriceConfig['unit'],
): PriceConfig | undefined {
  const { input, output, cachedInput, reasoning, image, request, minimum } = prices;
  const all = [input, output, cachedInput, reasoning, image, request, minimum];
  const isTold = all.every((price) => price === undefined || isPrice(price, MAX_PRICES[unit]));
  if (!isTold) return undefined;
  return {
    unit,
    input: perMillion(input),
    output: perMillion(output),
    cachedInput: ownPrice(cachedInput),
    reasoning: ownPrice(reasoning),
    image,
    request,
    minimum,
  };
}

function isPrice(price: DecimalLike, max: bigint): boolean {
  const decimal = parseDecimal(price);
  return decimal !== undefined && ceilTimes(decimal, 1n) <= max;
}

/** OpenRouter writes 0 where these tokens have no price of their own: then they cost what the others cost. */
function ownPrice(price: DecimalLike | undefined): DecimalLike | undefined {
  return price === undefined || parseDecimal(price)?.digits === 0n ? undefined : perMillion(price);
}

function perMillion(price: DecimalLike): DecimalLike {
  const decimal = parseDecimal(price);
  return decimal === undefined ? price : `${decimal.digits}e${6 - decimal.scale}`;
}
