/** What a prompt is made of, as far as it can be told without a tokenizer. */
export interface PromptSize {
  /** UTF-8 bytes of all texts, tool definitions and schemas. */
  readonly textBytes: number;
  readonly messages: number;
  /** Tokens of the images, by a configured bound each. */
  readonly imageTokens: number;
}

/** Role, separators and name of a message cost this many tokens at most, in every chat template we know. */
const TOKENS_PER_MESSAGE = 16;
/** The primed answer, a system preamble that the template adds, and the scaffolding of tools. */
const TOKENS_PER_PROMPT = 512;

/**
 * An upper bound of prompt tokens for nothing: in a byte-level BPE every token covers at least one byte. `factor` is for
 * tokenizers that normalise text to more bytes first.
 */
export function promptBound(size: PromptSize, factor = 1): number {
  const text = Math.ceil(size.textBytes * factor);
  return text + size.messages * TOKENS_PER_MESSAGE + TOKENS_PER_PROMPT + size.imageTokens;
}

/** UTF-8 bytes of texts: an upper bound of their tokens. */
export function bytesOf(texts: readonly string[]): number {
  let bytes = 0;
  for (const text of texts) bytes += Buffer.byteLength(text);
  return bytes;
}
