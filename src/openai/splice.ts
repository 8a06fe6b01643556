import type { ChatRequest, MaxField } from './chat-request.ts';

export interface BodyChanges {
  /** The upstream's own name of the model. */
  readonly model?: string;
  /**
   * The output limit of one answer. It replaces the client's own limit fields, all of them; `field` is only used where the
   * client gave none.
   */
  readonly maxTokens?: { readonly field: MaxField; readonly value: number };
  /** Ask for a usage chunk, keeping the client's other stream options. */
  readonly includeUsage?: boolean;
}

/** The body to forward. Returns the received Buffer itself where nothing changes. */
export declare function spliceBody(request: ChatRequest, changes: BodyChanges): Buffer;
