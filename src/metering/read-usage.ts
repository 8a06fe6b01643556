import type { Usage } from '../tokens/usage.ts';

/** The tokens an upstream says it used. */
export type ReportedUsage = Omit<Usage, 'images'>;

/**
 * Reads the `usage` object of an OpenAI-compatible answer; DeepSeek's own name for cached tokens too. Undefined unless it is
 * sane: all counts are safe non-negative integers, cached tokens are part of the prompt, reasoning is part of the completion.
 * Details that are absent or null count as 0.
 */
export function readUsage(value: unknown): ReportedUsage | undefined {
  const input = countIn(value, 'prompt_tokens');
  const output = countIn(value, 'completion_tokens');
  const cachedInput = countOrZero(
    fieldOf(fieldOf(value, 'prompt_tokens_details'), 'cached_tokens') ??
      fieldOf(value, 'prompt_cache_hit_tokens'),
  );
  const reasoning = countOrZero(
    fieldOf(fieldOf(value, 'completion_tokens_details'), 'reasoning_tokens'),
  );
  if (input === undefined || output === undefined) return undefined;
  if (cachedInput === undefined || reasoning === undefined) return undefined;
  if (cachedInput > input || reasoning > output) return undefined;
  return { input, cachedInput, output, reasoning };
}

function countIn(value: unknown, key: string): number | undefined {
  return countOf(fieldOf(value, key));
}

function countOrZero(value: unknown): number | undefined {
  return value === undefined || value === null ? 0 : countOf(value);
}

function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function fieldOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  const field: unknown = Reflect.get(value, key);
  return field;
}
