import { itemsOf, parseJson } from '../../openai/json-object.ts';
import type { ListedModel, ListedPrices } from '../../openai/model-list.ts';

/**
 * A model list as a short text: a JSON array with `[id, name, context, maxOutput, usd, sat]` of each model, prices
 * `[input, output, cachedInput, reasoning, image, request]`, null for what is not told. A third of what the node sent.
 */
export function modelText(models: readonly ListedModel[]): string {
  return JSON.stringify(models.map(rowOf));
}

/** Reads what `modelText` wrote; undefined for anything else. */
export function readModelText(text: string): readonly ListedModel[] | undefined {
  const rows = parseJson(text);
  return Array.isArray(rows) ? itemsOf(rows).flatMap(modelOf) : undefined;
}

function rowOf(model: ListedModel): unknown[] {
  return [
    model.id,
    model.name,
    model.contextLength,
    model.maxOutput,
    pricesRow(model.usdPerToken),
    pricesRow(model.satPerToken),
  ];
}

function pricesRow(prices: ListedPrices | undefined): unknown {
  if (prices === undefined) return null;
  const { input, output, cachedInput, reasoning, image, request, minimum } = prices;
  return [input, output, cachedInput, reasoning, image, request, minimum];
}

function modelOf(row: unknown): readonly ListedModel[] {
  const [id, name, contextLength, maxOutput, usd, sat] = itemsOf(row);
  if (typeof id !== 'string') return [];
  return [
    {
      id,
      name: textOf(name),
      contextLength: countOf(contextLength),
      maxOutput: countOf(maxOutput),
      usdPerToken: pricesOf(usd),
      satPerToken: pricesOf(sat),
    },
  ];
}

function pricesOf(row: unknown): ListedPrices | undefined {
  const [input, output, cachedInput, reasoning, image, request, minimum] = itemsOf(row);
  if (typeof input !== 'string' || typeof output !== 'string') return undefined;
  return {
    input,
    output,
    cachedInput: textOf(cachedInput),
    reasoning: textOf(reasoning),
    image: textOf(image),
    request: textOf(request),
    minimum: textOf(minimum),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function countOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
