import type { ConditionalPrice, ModelInfo, ModelPrice } from '@pydantic/genai-prices';
import { calcPrice, findProvider } from '@pydantic/genai-prices';

import { parseDecimal } from '../lib/decimal.ts';
import type { PriceConfig } from './price-list.ts';

export interface ListedModel {
  /** The upstream's name of the model. */
  readonly model: string;
  /** Where the model is served: tells the provider if the list knows the address, else the model's name does. */
  readonly baseUrl: string;
  /** Prices in force at this time, ms since the epoch. */
  readonly atMs: number;
}

const REQUESTS_PER_KCOUNT_PLACES = 3;

/** What a token of text or an image in it may be billed as; the dearest counts, because our usage does not tell them apart. */
const INPUT_KEYS = ['input_mtok', 'cache_write_mtok', 'input_image_mtok'];
const OUTPUT_KEYS = ['output_mtok', 'output_image_mtok'];

/**
 * The price in the embedded list; no network. Undefined for a model that is not in it, or not priced by tokens.
 * Where a price depends on the prompt's length, the time of day or the use of the provider's cache, it is the dearest, so that
 * we never ask less than the provider does. Tools that a provider bills by the call (its web search) are not in it.
 */
export function listPrice(listed: ListedModel): PriceConfig | undefined {
  const model = findModel(listed);
  if (model === undefined) return undefined;
  const prices = pricesInForce(model, listed.atMs);
  const input = dearest(prices, INPUT_KEYS);
  const output = dearest(prices, OUTPUT_KEYS);
  if (input === undefined || output === undefined) return undefined;
  const requests = dearest(prices, ['requests_kcount']);
  return {
    unit: 'usd',
    input,
    output,
    cachedInput: dearest(prices, ['cache_read_mtok']),
    reasoning: dearest(prices, ['output_reasoning_mtok']),
    request: requests === undefined ? undefined : shiftedDown(requests, REQUESTS_PER_KCOUNT_PLACES),
  };
}

function findModel({ model, baseUrl, atMs }: ListedModel): ModelInfo | undefined {
  const provider = findProvider({ providerApiUrl: baseUrl });
  // The list reads names of unknown providers like LiteLLM's: `gpt-4o` or `openai/gpt-4o`.
  const providerId = provider?.id ?? 'litellm';
  const timestamp = new Date(atMs);
  return calcPrice({}, model, { providerId, timestamp })?.model;
}

/** The price of today, and those of the times of day that belong to it. Later entries of the list replace earlier ones. */
function pricesInForce(model: ModelInfo, atMs: number): readonly ModelPrice[] {
  if (!Array.isArray(model.prices)) return [model.prices];
  const found: ModelPrice[] = [];
  for (const entry of model.prices.toReversed()) {
    if (!hasStarted(entry, atMs)) continue;
    found.push(entry.prices);
    if (entry.constraint?.type !== 'time_of_date') break;
  }
  return found;
}

function hasStarted({ constraint }: ConditionalPrice, atMs: number): boolean {
  return constraint?.type !== 'start_date' || Date.parse(constraint.start_date) <= atMs;
}

function dearest(prices: readonly ModelPrice[], keys: readonly string[]): number | undefined {
  const amounts = prices.flatMap((price) => keys.flatMap((key) => amountsOf(price[key])));
  return amounts.length === 0 ? undefined : Math.max(...amounts);
}

function amountsOf(price: ModelPrice[string]): readonly number[] {
  if (price === undefined) return [];
  if (typeof price === 'number') return [price];
  return [price.base, ...price.tiers.map((tier) => tier.price)];
}

function shiftedDown(price: number, places: number): string | undefined {
  const decimal = parseDecimal(price);
  return decimal === undefined ? undefined : `${decimal.digits}e-${decimal.scale + places}`;
}
