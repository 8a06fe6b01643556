import { get_encoding } from 'tiktoken';
import type { Tiktoken } from 'tiktoken';

let encoding: Tiktoken | undefined;

/** Tokens of a text as the newest OpenAI models count them. */
export function countTokens(text: string): Promise<number> {
  encoding ??= get_encoding('o200k_base');
  return Promise.resolve(encoding.encode_ordinary(text).length);
}
