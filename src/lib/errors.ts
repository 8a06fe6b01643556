/** May the payer's client send the very same request again? `never`: a resend cannot help or would lose money. */
export type Resend = 'later' | 'never';

interface ErrorKind {
  readonly status: number;
  readonly type: string;
  readonly resend: Resend;
}

const kind = (status: number, type: string, resend: Resend): ErrorKind => ({
  status,
  type,
  resend,
});

/** Every error a payer can meet: stable code -> HTTP status, OpenAI `type`, and whether a resend can help. */
export const ERRORS = {
  invalid_request: kind(400, 'invalid_request_error', 'never'),
  invalid_json: kind(400, 'invalid_request_error', 'never'),
  duplicate_key: kind(400, 'invalid_request_error', 'never'),
  unsupported_parameter: kind(400, 'invalid_request_error', 'never'),
  multiple_credentials: kind(400, 'invalid_request_error', 'never'),
  change_mode_not_supported: kind(400, 'invalid_request_error', 'never'),
  request_too_large: kind(413, 'invalid_request_error', 'never'),
  unsupported_media_type: kind(415, 'invalid_request_error', 'never'),
  headers_too_large: kind(431, 'invalid_request_error', 'never'),
  not_found: kind(404, 'invalid_request_error', 'never'),
  method_not_allowed: kind(405, 'invalid_request_error', 'never'),
  model_not_found: kind(404, 'invalid_request_error', 'never'),
  no_matching_provider: kind(404, 'invalid_request_error', 'never'),
  rate_limited: kind(429, 'rate_limit_error', 'later'),
  balance_in_use: kind(429, 'rate_limit_error', 'later'),
  payer_gone: kind(499, 'invalid_request_error', 'never'),
  invalid_api_key: kind(401, 'invalid_request_error', 'never'),
  no_upstream: kind(503, 'upstream_error', 'later'),
  pricing_unavailable: kind(503, 'server_error', 'later'),
  payment_required: kind(402, 'payment_required', 'never'),
  insufficient_balance: kind(402, 'insufficient_quota', 'never'),
  change_outstanding: kind(402, 'payment_required', 'never'),
  change_spent: kind(402, 'payment_required', 'never'),
  cashu_token_invalid: kind(400, 'invalid_token', 'never'),
  cashu_token_already_spent: kind(400, 'token_already_spent', 'never'),
  cashu_token_overlaps: kind(400, 'invalid_token', 'never'),
  cashu_mint_not_accepted: kind(400, 'cashu_error', 'never'),
  cashu_unit_not_accepted: kind(400, 'cashu_error', 'never'),
  cashu_token_too_large: kind(400, 'cashu_error', 'never'),
  cashu_token_zero_value: kind(400, 'cashu_error', 'never'),
  cashu_mint_unreachable: kind(503, 'mint_unreachable', 'later'),
  cashu_mint_busy: kind(503, 'mint_rate_limited', 'later'),
  cashu_mint_limit_reached: kind(503, 'mint_unreachable', 'later'),
  refund_pending: kind(425, 'payment_error', 'later'),
  refund_not_found: kind(404, 'payment_error', 'never'),
  refund_empty: kind(400, 'payment_error', 'never'),
  refund_collected: kind(410, 'payment_error', 'never'),
  upstream_unavailable: kind(502, 'upstream_error', 'later'),
  upstream_rejected: kind(400, 'upstream_error', 'never'),
  upstream_timeout: kind(504, 'upstream_error', 'later'),
  upstream_broke_stream: kind(502, 'upstream_error', 'never'),
  output_limit_reached: kind(402, 'insufficient_quota', 'never'),
  shutting_down: kind(503, 'server_error', 'later'),
  internal_error: kind(500, 'server_error', 'later'),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

export interface RouterErrorOptions {
  readonly cause?: unknown;
  /** The request field at fault, OpenAI's `param`. */
  readonly param?: string;
  /** Overrides the table's status: only for an upstream's own 4xx. */
  readonly status?: number;
  /** Seconds for `Retry-After`. */
  readonly retryAfterS?: number;
  /** More response headers (names lower case); a list is one header line per value, in order. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** More top-level fields of the JSON body. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** The one error class. `message` is for the payer and never carries a token, key or prompt; `cause` is for the log. */
export class RouterError extends Error {
  override readonly name = 'RouterError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly type: string;
  readonly resend: Resend;
  readonly param: string | undefined;
  readonly retryAfterS: number | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: RouterErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    const entry = ERRORS[code];
    this.code = code;
    this.status = options.status ?? entry.status;
    this.type = entry.type;
    this.resend = entry.resend;
    this.param = options.param;
    this.retryAfterS = options.retryAfterS;
    this.headers = options.headers ?? {};
    this.fields = options.fields ?? {};
  }

  /** The same error with more response headers. */
  with(headers: Readonly<Record<string, string>>): RouterError {
    return new RouterError(this.code, this.message, {
      cause: this.cause,
      status: this.status,
      headers: { ...this.headers, ...headers },
      fields: this.fields,
      ...(this.param === undefined ? {} : { param: this.param }),
      ...(this.retryAfterS === undefined ? {} : { retryAfterS: this.retryAfterS }),
    });
  }
}
