import { get_encoding } from 'tiktoken';
import type { Tiktoken } from 'tiktoken';

import { createTokenCounter } from '../../tokens/counter.ts';

export interface PromptCounter {
  /** Tokens of a text in o200k_base: exact for short texts, a little too high for long ones. */
  count(text: string): Promise<number>;
  close(): Promise<void>;
}

/** BPE takes quadratic time on long runs of one letter: longer texts are counted in pieces, in a worker. */
const MAX_EXACT = 4096;

export function createPromptCounter(): PromptCounter {
  const counter = createTokenCounter();
  return {
    count(text) {
      return text.length > MAX_EXACT
        ? counter.count([text])
        : Promise.resolve(exactEncoding().encode_ordinary(text).length);
    },
    close: () => counter.close(),
  };
}

let encoding: Tiktoken | undefined;

function exactEncoding(): Tiktoken {
  encoding ??= get_encoding('o200k_base');
  return encoding;
}
