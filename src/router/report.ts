import { ZERO_MSAT } from '../lib/amount.ts';
import type { Msat } from '../lib/amount.ts';
import type { RouterError } from '../lib/errors.ts';

/** What became of one request, for the log and the counters. Holds no credential and nothing of its content. */
export interface Report {
  /** The public model id, where the catalog knows it. */
  readonly model: string | undefined;
  /** The provider whose answer was relayed. */
  readonly provider: string | undefined;
  readonly attempts: readonly Attempt[];
  readonly charge: Msat;
  readonly payerGone: boolean;
  readonly error: RouterError | undefined;
}

/** What is told of a request that was refused before a model was looked for. */
export function refused(error: RouterError): Report {
  return {
    model: undefined,
    provider: undefined,
    attempts: [],
    charge: ZERO_MSAT,
    payerGone: false,
    error,
  };
}

/** One try at one provider. */
export interface Attempt {
  readonly provider: string;
  /** Undefined when it answered. */
  readonly failure: string | undefined;
}
