import type { Cancel } from '../lib/cancel.ts';
import type { Credentials } from '../payment/rail.ts';

/** One request for an answer, as HTTP delivers it. */
export interface Incoming {
  readonly requestId: string;
  readonly body: Buffer;
  readonly credentials: Credentials;
  /** Cancelled when nobody will read the answer. */
  readonly gone: Cancel;
}
