import type { IncomingHttpHeaders } from 'node:http';

import type { Msat } from '../lib/amount.ts';
import type { Cancel } from '../lib/cancel.ts';
import type { ErrorCode } from '../lib/errors.ts';
import type { Quote } from '../pricing/quote.ts';

/** What of an HTTP request a rail may see. */
export interface Credentials {
  readonly headers: IncomingHttpHeaders;
  /** Node's raw header list: two `Authorization` lines are visible only here. */
  readonly rawHeaders: readonly string[];
  /** The client's address, for caps on what a stranger can cause. */
  readonly address: string;
  readonly requestId: string;
}

/** One way to pay: cashu, account, l402, mpp. Rails do not know each other. */
export interface PaymentRail {
  readonly name: string;
  /** What a 402 carries for this rail. Never opens a connection that a stranger can trigger without a cap. */
  challenge(quote: Quote | undefined): Promise<Challenge>;
  /**
   * Accepts the payment that the request carries and holds `quote`, or returns undefined when the request carries nothing
   * for this rail. Rejects with a RouterError, having taken nothing (or with the value safe on an account).
   */
  accept(credentials: Credentials, quote: Quote, gone: Cancel): Promise<Payment> | undefined;
}

export interface Challenge {
  /** Header lines in order; the same name may occur more than once. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Top-level fields of the 402's JSON body. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Value accepted from a payer for one request, with its hold. */
export interface Payment {
  /** Id of the hold in the ledger. */
  readonly id: string;
  /** What is held: the most that can be charged. */
  readonly held: Msat;
  /** Output tokens (over all choices) that the hold affords; undefined when it covers all the request asked for. */
  readonly maxOutputTokens: number | undefined;
  /** Remembers what the answer costs so far; written with the hold's lease every <= 2 s, so a crash charges what was sent. */
  meter(charge: Msat): void;
  /** Ends the payment: captures min(charge, held) and decides about change. Idempotent: later calls get the first result. */
  settle(end: PaymentEnd): Promise<Settlement>;
}

export interface PaymentEnd {
  readonly charge: Msat;
  /** Nobody will read the answer: nothing is cut, the rest stays fetchable. */
  readonly payerGone: boolean;
  /** The error the request ends with, if it does. */
  readonly error: ErrorCode | undefined;
}

export interface Settlement {
  readonly charge: Msat;
  /** What is left on the account for further requests, msat; undefined where the rail has none. */
  readonly balance: Msat | undefined;
  /** A change token: value leaves with the answer. `header` tells whether it may travel in the `X-Cashu` header. */
  readonly change:
    | { readonly token: string; readonly amountSat: bigint; readonly header: boolean }
    | undefined;
  /** Further response headers (names lower case). */
  readonly headers: Readonly<Record<string, string>>;
}
