import type { EventTemplate } from '../../nostr/event.ts';
import { isObject, parseJson } from '../../openai/json-object.ts';

/** Smaller changes of a price wait for the next regular announcement: exchange rates never rest. */
const PRICE_CHANGE = 0.05;
/** Tags that say nothing by themselves, or are compared by their amounts. */
const PASSED_OVER = new Set(['expiration', 'price']);

/** Whether `next` tells readers something that `told` does not: anything but a price that moved by 5 % or less. */
export function tellsMore(told: EventTemplate, next: EventTemplate): boolean {
  if (essenceOf(told) !== essenceOf(next)) return true;
  const before = pricesOf(told);
  return [...pricesOf(next)].some(([model, prices]) => {
    const old = before.get(model) ?? [];
    return prices.some((price, at) => isFar(old[at] ?? Number.NaN, price));
  });
}

function essenceOf({ tags, content }: EventTemplate): string {
  const json = parseJson(content);
  const words = isObject(json) ? [json['name'], json['about']] : [content];
  return JSON.stringify([tags.filter(([name = '']) => !PASSED_OVER.has(name)), words]);
}

function pricesOf({ tags }: EventTemplate): Map<string, readonly number[]> {
  return new Map(
    tags
      .filter(([name]) => name === 'price')
      .map(([, model = '', input, output]) => [model, [Number(input), Number(output)]]),
  );
}

function isFar(before: number, now: number): boolean {
  if (Number.isNaN(before)) return true;
  return Math.abs(now - before) > PRICE_CHANGE * Math.max(before, 1);
}
