import type { Cancel } from '../lib/cancel.ts';
import type { Credentials } from '../payment/rail.ts';

/** One request for an answer, as HTTP delivers it. */
export interface Incoming {
  readonly requestId: string;
  readonly body: Buffer;
  readonly credentials: Credentials;
  /** How many routers it has passed already (`x-nutroute-hops`). */
  readonly hops: number;
  /** Cancelled when nobody will read the answer. */
  readonly gone: Cancel;
}
