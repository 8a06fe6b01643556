/** Counts of one answer; images are not told. */
export interface CountedTokens {
  readonly input: number;
  readonly cachedInput: number;
  readonly output: number;
  readonly reasoning: number;
}

/** OpenAI's `usage` object for an answer whose upstream sent none, or none that is sane. */
export function usageFields(tokens: CountedTokens): Readonly<Record<string, unknown>> {
  const { input, cachedInput, output, reasoning } = tokens;
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: cachedInput },
    completion_tokens_details: { reasoning_tokens: reasoning },
  };
}
