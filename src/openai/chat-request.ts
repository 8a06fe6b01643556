import type { Span } from './json-spans.ts';

export type MaxField = 'max_tokens' | 'max_completion_tokens';

/** A chat request that passed every check of its form. What it asks for, and the bytes it came as. */
export interface ChatRequest {
  readonly body: Buffer;
  readonly model: string;
  readonly stream: boolean;
  /** How many answers it asks for: 1 to 128. */
  readonly n: number;
  /** The most output tokens of one answer that it allows; the smaller one where it has both fields. */
  readonly maxOutput: number | undefined;
  /** The limit fields it has, in the order of the body. */
  readonly maxFields: readonly MaxField[];
  /** The client itself asked for a usage chunk. */
  readonly includeUsage: boolean;
  readonly messageCount: number;
  /** Image parts of all messages. */
  readonly imageCount: number;
  /** No prompt made of this request has more UTF-8 bytes of text than this (images apart). Free: the body's own size. */
  readonly textBytes: number;
  /** Fields that an upstream may bill for beyond tokens and images, where they ask for anything. */
  readonly priceBearing: readonly string[];
  /** The members of the body, in its order. */
  readonly spans: readonly Span[];
  /** Everything that an upstream turns into prompt tokens, image data apart. Made anew by each call. */
  texts(): readonly string[];
}

export interface ChatRequestOptions {
  /** Let image parts name a URL that the upstream will fetch. Default: only `data:` URLs. */
  readonly allowRemoteImages?: boolean;
}

export declare function parseChatRequest(body: Buffer, options?: ChatRequestOptions): ChatRequest;

/** Throws RouterError `unsupported_parameter` for the first price-bearing field that is not in `allowed`. */
export declare function refusePriceBearing(
  request: ChatRequest,
  allowed: ReadonlySet<string>,
): void;
