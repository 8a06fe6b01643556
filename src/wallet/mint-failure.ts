import { JSONInt } from '@cashu/cashu-ts';

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
  /** For `rate`. */
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

/** nutshell says 429 without Retry-After and counts by the minute. */
const DEFAULT_RETRY_S = 60;
const MAX_RETRY_S = 3600;
/** Error bodies are small unless they echo the request; only the code at their top is of interest. */
const MAX_ERROR_BYTES = 16_384;

/** What an answer other than 200 means. */
export function failureOf(answer: {
  readonly status: number;
  readonly body: Uint8Array;
  readonly retryAfter: string | undefined;
}): MintFailure {
  const { status } = answer;
  if (status === 429) {
    return new MintFailure('rate', 'the mint limits our rate (429)', {
      retryAfterS: retryAfterOf(answer.retryAfter),
    });
  }
  const error = status === 400 ? mintErrorOf(answer.body) : undefined;
  if (error !== undefined) {
    const message = `the mint refused with code ${error.code}`;
    return new MintFailure(reasonOf(error), message, { code: error.code });
  }
  const isRefusal = status >= 400 && status < 500 && status !== 408;
  return new MintFailure(isRefusal ? 'rejected' : 'unknown', `the mint answered ${status}`);
}

interface MintError {
  readonly code: number;
  readonly speaksOfKeyset: boolean;
}

/** What NUT error codes mean. 0 and 50000 are the catch-alls of nutshell and cdk, also sent for database locks. */
const REASONS: ReadonlyMap<number, MintFailureReason> = new Map([
  [11001, 'spent'],
  [10002, 'spent'],
  [11002, 'pending'],
  [11004, 'pending'],
  [20005, 'pending'],
  [11003, 'outputs'],
  [11008, 'outputs'],
  [0, 'unknown'],
  [50000, 'unknown'],
]);

function reasonOf({ code, speaksOfKeyset }: MintError): MintFailureReason {
  const known = REASONS.get(code);
  if (known !== undefined) return known;
  // nutshell uses 11000 for an unknown keyset and for much else; only its text tells.
  return (code >= 12000 && code < 13000) || speaksOfKeyset ? 'keyset' : 'rejected';
}

function mintErrorOf(body: Uint8Array): MintError | undefined {
  if (body.length > MAX_ERROR_BYTES) return undefined;
  let parsed: unknown;
  try {
    parsed = JSONInt.parse(new TextDecoder().decode(body));
  } catch {
    // Plain text or HTML, from cdk or a proxy: its status says all we need.
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || !('code' in parsed)) return undefined;
  const { code } = parsed;
  if (typeof code !== 'number' || !Number.isSafeInteger(code)) return undefined;
  const detail = 'detail' in parsed ? parsed.detail : undefined;
  return { code, speaksOfKeyset: typeof detail === 'string' && /keyset/i.test(detail) };
}

function retryAfterOf(header: string | undefined): number {
  if (header === undefined || !/^\d{1,6}$/.test(header)) return DEFAULT_RETRY_S;
  return Math.min(Number(header), MAX_RETRY_S);
}
