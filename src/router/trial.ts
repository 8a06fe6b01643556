import { minMsat, ZERO_MSAT } from '../lib/amount.ts';
import type { Msat } from '../lib/amount.ts';
import { createCancel } from '../lib/cancel.ts';
import type { Canceller } from '../lib/cancel.ts';
import type { RouterError } from '../lib/errors.ts';
import { createMeter } from '../metering/meter.ts';
import type { Meter } from '../metering/meter.ts';
import type { Completion } from '../openai/completion.ts';
import type { StreamTap } from '../openai/stream-tap.ts';
import { chargeOf } from '../pricing/charge.ts';
import type { Usage } from '../tokens/usage.ts';
import { UpstreamFailure } from '../upstream/upstream.ts';
import { outputCap } from './forward.ts';
import type { Offer } from './offer.ts';
import type { Work } from './work.ts';

/** One try at one offer. */
export interface Trial {
  readonly offer: Offer;
  readonly meter: Meter;
  /** Closes the connection to the upstream. */
  readonly stop: Canceller;
  /** Output tokens over all choices that the hold pays for. */
  readonly cap: number;
  /** What `usage` costs at this offer, at most what is held. */
  chargeOf(usage: Usage): Msat;
  /** What the answer cost when it was last counted. */
  metered: Msat;
  /** The payer left in mid-answer: what comes from now on is only read, for a provider that bills it in any case. */
  isUnheard: boolean;
  /** Where the answer is a stream: whether all of its text was sent. */
  tap: Pick<StreamTap, 'finished'> | undefined;
}

/** What came of a try. `failed`: the payer was sent nothing, another offer may be tried. */
export type Outcome =
  | { readonly kind: 'failed'; readonly failure: UpstreamFailure }
  /** A fault of our own. */
  | { readonly kind: 'crashed'; readonly error: unknown }
  | {
      readonly kind: 'ended';
      readonly usage: Usage;
      /** How the answer broke off, if it did. */
      readonly error: RouterError | undefined;
      readonly answer: Answer;
    };

/** What the last bytes of the answer are made of. */
export type Answer =
  | { readonly kind: 'stream'; readonly tap: StreamTap }
  | { readonly kind: 'json'; readonly completion: Completion };

export function startTrial(work: Work, offer: Offer): Trial {
  const { order, parts, payment } = work;
  return {
    offer,
    meter: createMeter({
      countInput: () => order.countInput(),
      count: (texts) => parts.countTokens(texts, offer.upstreamModel, 'charge'),
      images: order.request.imageCount,
    }),
    stop: createCancel(),
    cap: Math.min(order.outputTokens, outputCap(order, payment) ?? Infinity),
    chargeOf: (usage) => minMsat(payment.held, chargeOf(offer.snapshot, usage)),
    metered: ZERO_MSAT,
    isUnheard: false,
    tap: undefined,
  };
}

/** The upstream answered with 200, but with nothing that is an answer. */
export function noAnswer(message: string, cause?: unknown): Outcome {
  return { kind: 'failed', failure: new UpstreamFailure('protocol', message, { cause }) };
}

/**
 * When the payer leaves: closes the upstream at once; but reads on for a moment where the answer is complete and only its usage is
 * missing, and longer where the provider bills in full anyway (the payer pays only what it was sent). Returns a function that ends the watch.
 */
export function watchPayer(work: Work, trial: Trial): () => void {
  const { limits } = work.parts;
  let timer: NodeJS.Timeout | undefined;
  const forget = work.incoming.gone.onCancel(() => {
    trial.isUnheard = trial.tap?.finished !== true;
    if (trial.offer.upstream.onPayerGone === 'drain') {
      timer = setTimeout(() => trial.stop.cancel(), limits.drainMs);
    } else if (trial.isUnheard) {
      trial.stop.cancel();
    } else {
      timer = setTimeout(() => trial.stop.cancel(), limits.usageMs);
    }
  });
  return () => {
    forget();
    clearTimeout(timer);
  };
}
