/** What an upstream says went wrong, short and without its keys and account names. */
export interface UpstreamError {
  readonly message: string;
  readonly type: string | undefined;
  readonly param: string | undefined;
  readonly code: string | undefined;
}

/** Reads `{ error: {...} }` in any of the shapes seen in the wild; never throws. */
export declare function readUpstreamError(value: unknown): UpstreamError;
