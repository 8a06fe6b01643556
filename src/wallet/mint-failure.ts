/**
 * Why a mint call brought no answer, by what it means for the operation:
 * `spent`, `pending`, `outputs` (already signed), `keyset` (unknown or inactive) and `rejected` are the mint's refusals;
 * `rate` was not executed; `unsent` never left this machine; `unknown` may or may not have been executed.
 */
export type MintFailureReason =
  | 'spent'
  | 'pending'
  | 'outputs'
  | 'keyset'
  | 'rejected'
  | 'rate'
  | 'unsent'
  | 'unknown';

/** Carries nothing of the mint's answer but its numbers: error bodies echo secrets. */
export class MintFailure extends Error {
  override readonly name = 'MintFailure';
  readonly reason: MintFailureReason;
  /** The mint's NUT error code, if it gave one. */
  readonly code: number | undefined;
  readonly retryAfterS: number | undefined;

  constructor(
    reason: MintFailureReason,
    message: string,
    options: { cause?: unknown; code?: number | undefined; retryAfterS?: number | undefined } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = reason;
    this.code = options.code;
    this.retryAfterS = options.retryAfterS;
  }
}
