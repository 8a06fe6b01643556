import { parseDecimal } from '../../lib/decimal.ts';
import type { ReportedUsage } from '../../metering/read-usage.ts';
import type { ListedModel } from '../../openai/model-list.ts';
import { chargeOf } from '../../pricing/charge.ts';
import { priceOf } from '../../pricing/price-list.ts';
import type { PriceSnapshot } from '../../pricing/snapshot.ts';
import { upstreamPrice } from '../../pricing/upstream-price.ts';

/** What a node publishes as its prices of a model, exactly, in sat; undefined where it tells none in sat. */
export function publishedPrices(model: ListedModel | undefined): PriceSnapshot | undefined {
  const said = model?.satPerToken;
  if (model === undefined || said === undefined) return undefined;
  const price = upstreamPrice(said, 'sat');
  if (price === undefined || parseDecimal(price.input) === undefined) return undefined;
  const terms = { model: model.id, provider: '', markup: '1', usdPmsat: undefined };
  const snapshot = priceOf(price, terms);
  return snapshot === 'no-rate' ? undefined : snapshot;
}

export interface Sold {
  readonly prices: PriceSnapshot | undefined;
  readonly usage: ReportedUsage | undefined;
  /** Upper bound. */
  readonly images: number;
}

/** What a node may charge by its own prices and count; undefined where that cannot be known. */
export function expectedCharge({ prices, usage, images }: Sold): bigint | undefined {
  if (prices === undefined || usage === undefined) return undefined;
  return chargeOf(prices, { ...usage, images });
}

const IMAGE = Buffer.from('"image_url"');

/** An upper bound of the images in a request: each names this key at least once. */
export function countImages(body: Buffer): number {
  let count = 0;
  for (let at = body.indexOf(IMAGE); at >= 0; at = body.indexOf(IMAGE, at + IMAGE.length))
    count += 1;
  return count;
}
