/** Bounds of what one relay can make us do, and how patient we are with it. */
export interface RelayLimits {
  /** A larger frame ends the connection. */
  readonly maxFrameBytes: number;
  /** From the dial to an open connection. */
  readonly connectTimeoutMs: number;
  /** A connection over which nothing came for this long, not even the answer to a ping, is cut. */
  readonly heartbeatMs: number;
  /** Wait before the next dial: doubles with every failure, up to the maximum; half of it is random. */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** A connection that held for this long forgets earlier failures. */
  readonly steadyMs: number;
  /** For all stored events of a REQ. */
  readonly storedTimeoutMs: number;
  /** For the OK of an event. */
  readonly publishTimeoutMs: number;
  /** For each step of an authentication. */
  readonly authTimeoutMs: number;
  readonly maxAuthAttempts: number;
  /** Wait before the next REQ when the relay ended one: doubles each time, up to the maximum; half of it is random. */
  readonly closedRetryMs: number;
  readonly maxClosedRetryMs: number;
  /** More than that in a minute is a flood: the relay is left alone for a while. */
  readonly maxMessagesPerMinute: number;
  readonly maxBytesPerMinute: number;
  readonly floodPauseMs: number;
  /** So many wrong signatures within the window are no accident: the relay is banned. */
  readonly maxInvalid: number;
  readonly invalidWindowMs: number;
  readonly banMs: number;
  /** Subscriptions and queries together: some relays drop what is beyond 32 without a word. */
  readonly maxSubscriptions: number;
  /** Events that wait for an OK. */
  readonly maxPublishing: number;
  /** Events whose signatures are checked: so many when it was quiet for long, and so many a minute for ever; the rest is passed over. */
  readonly maxVerifiedAtOnce: number;
  readonly maxVerifiedPerMinute: number;
  /** While so many events wait for their verification, nothing more is read. */
  readonly maxUnverified: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

export const RELAY_LIMITS: RelayLimits = {
  maxFrameBytes: 256 * 1024,
  connectTimeoutMs: 10 * SECOND,
  heartbeatMs: 25 * SECOND,
  backoffMs: SECOND,
  maxBackoffMs: 5 * MINUTE,
  steadyMs: MINUTE,
  storedTimeoutMs: 15 * SECOND,
  publishTimeoutMs: 8 * SECOND,
  authTimeoutMs: 8 * SECOND,
  maxAuthAttempts: 3,
  closedRetryMs: 2 * MINUTE,
  maxClosedRetryMs: HOUR,
  maxMessagesPerMinute: 30_000,
  maxBytesPerMinute: 64 * 1024 * 1024,
  floodPauseMs: MINUTE,
  maxInvalid: 20,
  invalidWindowMs: 10 * MINUTE,
  banMs: HOUR,
  maxSubscriptions: 20,
  maxPublishing: 64,
  // All that a registry holds; then 1 % of a core.
  maxVerifiedAtOnce: 20_000,
  maxVerifiedPerMinute: 1_500,
  maxUnverified: 256,
};
