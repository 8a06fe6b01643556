/** Counted tokens of one answer. Safe non-negative integers; `cachedInput <= input`, `reasoning <= output`. */
export interface Usage {
  readonly input: number;
  readonly cachedInput: number;
  readonly output: number;
  readonly reasoning: number;
  readonly images: number;
}

export const NO_USAGE: Usage = { input: 0, cachedInput: 0, output: 0, reasoning: 0, images: 0 };
