import type { Filter } from '../../nostr/event.ts';

const MAX_FILTERS = 10;
const MAX_VALUES = 1_000;
const LISTS_OF_TEXT = /^(?:ids|authors|#.+)$/;
const NUMBERS = /^(?:since|until|limit)$/;

/** The filters of a REQ or COUNT; undefined when one is wrong, or they are none or too many. Unknown keys count as wrong. */
export function parseFilters(values: readonly unknown[]): readonly Filter[] | undefined {
  if (values.length === 0 || values.length > MAX_FILTERS) return undefined;
  return values.every(isFilter) ? values : undefined;
}

function isFilter(value: unknown): value is Filter {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(([key, entry]) => isCondition(key, entry));
}

function isCondition(key: string, value: unknown): boolean {
  if (LISTS_OF_TEXT.test(key)) return isListOf(value, (item) => typeof item === 'string');
  if (key === 'kinds') return isListOf(value, Number.isSafeInteger);
  return NUMBERS.test(key) && Number.isSafeInteger(value) && Number(value) >= 0;
}

function isListOf(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length <= MAX_VALUES && value.every(isItem);
}
