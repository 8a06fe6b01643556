import { ceilTimes, parseDecimal } from '../lib/decimal.ts';

/** A public place that tells the price of a bitcoin. */
export interface RateSource {
  readonly name: string;
  readonly url: string;
  /** Where the price stands in its answer. */
  readonly path: readonly (string | number)[];
}

/** Exchanges and aggregators of different owners that need no key. */
export const RATE_SOURCES: readonly RateSource[] = [
  {
    name: 'coinbase',
    url: 'https://api.coinbase.com/v2/prices/BTC-USD/spot',
    path: ['data', 'amount'],
  },
  {
    name: 'kraken',
    url: 'https://api.kraken.com/0/public/Ticker?pair=XBTUSD',
    path: ['result', 'XXBTZUSD', 'c', 0],
  },
  { name: 'bitstamp', url: 'https://www.bitstamp.net/api/v2/ticker/btcusd/', path: ['last'] },
  { name: 'mempool', url: 'https://mempool.space/api/v1/prices', path: ['USD'] },
  {
    name: 'coingecko',
    url: 'https://api.coingecko.com/api/v3/simple/price?ids=bitcoin&vs_currencies=usd',
    path: ['bitcoin', 'usd'],
  },
];

const MICRO_USD_PER_USD = 1_000_000n;

/** Beyond these an answer is in another unit, or no price. */
const MIN_MICRO_USD = MICRO_USD_PER_USD;
const MAX_MICRO_USD = 1_000_000_000n * MICRO_USD_PER_USD;

/** The price of a bitcoin in millionths of a USD; undefined when the answer does not tell it. */
export function microUsdIn(answer: unknown, path: RateSource['path']): bigint | undefined {
  const decimal = parseDecimal(path.reduce(fieldOf, answer));
  const microUsd = decimal === undefined ? 0n : ceilTimes(decimal, MICRO_USD_PER_USD);
  return microUsd >= MIN_MICRO_USD && microUsd <= MAX_MICRO_USD ? microUsd : undefined;
}

function fieldOf(value: unknown, key: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  const field: unknown = Reflect.get(value, key);
  return field;
}
