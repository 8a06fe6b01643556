import type { CostFields } from './cost-fields.ts';
import type { Span } from './json-spans.ts';
import type { UpstreamError } from './upstream-error.ts';

/** A complete answer, without any money that was in it. */
export interface Completion {
  readonly body: Buffer;
  readonly spans: readonly Span[];
  readonly usage: Readonly<Record<string, unknown>> | undefined;
  /** The answer is `{"error": ...}` under status 200. */
  readonly error: UpstreamError | undefined;
  /** Content, reasoning, refusals, names and arguments of calls. Made anew by each call. */
  texts(): readonly string[];
}

export interface CompletionEnd {
  readonly usage: Readonly<Record<string, unknown>>;
  readonly cost: CostFields;
  readonly xCashu?: string | undefined;
}

/** Throws WireError when `body` is neither a chat completion nor an error object. */
export declare function readCompletion(body: Buffer): Completion;

/** The answer with usage, cost and change in it; all other bytes stay as they were. */
export declare function spliceCompletion(completion: Completion, end: CompletionEnd): Buffer;
