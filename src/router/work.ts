import type { Log } from '../lib/log.ts';
import type { Payment, PaymentRail } from '../payment/rail.ts';
import type { Incoming } from './incoming.ts';
import type { Order, OrderParts } from './order.ts';
import type { Sink } from './sink.ts';

export interface RouterParts extends OrderParts {
  /** In the order in which they are asked, and in which a 402 names them. */
  readonly rails: readonly PaymentRail[];
  readonly log: Log;
  readonly limits: RelayLimits;
}

export interface RelayLimits {
  /** A stream's cost is counted so often while it runs. */
  readonly meterMs: number;
  /** After the answer is complete: so long we wait for the upstream's usage, or for the end of its body. */
  readonly usageMs: number;
  /** How long a provider that bills in full is read on for a payer that left. */
  readonly drainMs: number;
  /** An answer in one piece is not larger. */
  readonly answerBytes: number;
}

export const RELAY_LIMITS: RelayLimits = {
  meterMs: 1_000,
  usageMs: 2_000,
  drainMs: 120_000,
  answerBytes: 32 * 1024 * 1024,
};

/** One paid request on its way. */
export interface Work {
  readonly parts: RouterParts;
  readonly incoming: Incoming;
  readonly sink: Sink;
  readonly order: Order;
  readonly payment: Payment;
}
