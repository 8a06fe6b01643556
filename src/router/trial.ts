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
import { imposedLimit, outputCap } from './forward.ts';
import type { Offer } from './offer.ts';
import type { Order } from './order.ts';
import { isBelowCost, mostOf, outputWeCanBuy } from './purchase.ts';
import type { MostUsed } from './purchase.ts';
import type { Work } from './work.ts';

/** One try at one offer. */
export interface Trial {
  readonly offer: Offer;
  /** Why it is tried, in a word or two. */
  readonly reason: string;
  readonly lane: Lane;
  readonly startedAtMs: number;
  readonly meter: Meter;
  /** Closes the connection to the upstream. */
  readonly stop: Canceller;
  /** Output tokens over all choices that the hold pays for, and that we can buy. */
  readonly cap: number;
  /** The limit of each choice that follows from it; undefined where the request's own is no wider. */
  readonly imposed: number | undefined;
  /** The most it can cost us: all that its output limit lets the upstream send. */
  readonly maxCost: Msat;
  /** What `usage` costs at this offer, at most what is held. */
  chargeOf(usage: Usage): Msat;
  /** Headers of the upstream's answer that the payer gets. */
  headers: Readonly<Record<string, string>>;
  /** Those who want to know what the payer is charged. */
  readonly onBilled: ((charge: Msat) => void)[];
  /** When the payer was first sent something of it. */
  begunAtMs: number | undefined;
  /** How long the payer of a stream had waited for its first chunk when it left. */
  silentMs: number | undefined;
  /** The payer was slower than the upstream. */
  wasHeldUp: boolean;
  /** What the answer cost when it was last counted. */
  metered: Msat;
  /** The payer left in mid-answer: what comes from now on is only read, for a provider that bills it in any case. */
  isUnheard: boolean;
  /** Where the answer is a stream: whether all of its text was sent. */
  tap: Pick<StreamTap, 'finished'> | undefined;
}

/** Where all tries of one request meet: the payer gets the answer of one. */
export interface Lane {
  winner: Trial | undefined;
  /** Told once, before anything of its answer is sent. */
  onWinner: ((winner: Trial) => void) | undefined;
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

/** A try at `offer`; or why it must not be tried, in a few words. */
export function startTrial(
  work: Work,
  offer: Offer,
  { lane, reason }: Pick<Trial, 'lane' | 'reason'>,
): Trial | string {
  const { order, parts, payment } = work;
  const { request } = order;
  const paid = outputCap(order, payment);
  const held = Math.min(order.outputTokens, paid ?? Infinity);
  const used = mostUsed(order, offer, held);
  if (isBelowCost(offer, used)) return 'below cost';
  const bought = outputWeCanBuy(offer, used);
  if (bought === undefined) return offer.upstream.buying?.why() ?? 'no funds';
  const isNarrow = bought < used.output;
  const cap = isNarrow ? bought : held;
  return {
    offer,
    reason,
    lane,
    startedAtMs: parts.routing.clock.now(),
    meter: createMeter({
      countInput: () => order.countInput(),
      count: (texts) => parts.countTokens(texts, offer.upstreamModel, 'charge'),
      images: request.imageCount,
    }),
    stop: createCancel(),
    cap,
    imposed: paid === undefined && !isNarrow ? undefined : imposedLimit(request, cap),
    maxCost: mostOf(offer.cost, { ...used, output: bought }),
    chargeOf: (usage) => minMsat(payment.held, chargeOf(offer.snapshot, usage)),
    headers: NO_HEADERS,
    onBilled: [],
    begunAtMs: undefined,
    silentMs: undefined,
    wasHeldUp: false,
    metered: ZERO_MSAT,
    isUnheard: false,
    tap: undefined,
  };
}

/** Where the request has no limit of its own, the provider is sent one. */
function mostUsed({ request, inputTokens: input }: Order, offer: Offer, held: number): MostUsed {
  const { n: choices, imageCount: images, maxOutput } = request;
  const sent = maxOutput === undefined ? offer.assumedMaxOutput : Infinity;
  const output = Math.min(held, (offer.maxOutput ?? sent) * choices);
  return { input, output, choices, images };
}

const NO_HEADERS: Trial['headers'] = {};

/** To be asked before anything of its answer is sent. False: another try was first, and the payer gets nothing of this one. */
export function begins({ sink, parts }: Work, trial: Trial): boolean {
  const { lane, imposed } = trial;
  if (lane.winner !== undefined) return lane.winner === trial;
  lane.winner = trial;
  trial.begunAtMs = parts.routing.clock.now();
  lane.onWinner?.(trial);
  for (const [name, value] of Object.entries(trial.headers)) sink.header(name, value);
  if (imposed !== undefined) sink.header('x-nutroute-max-tokens', String(imposed));
  sink.header('x-nutroute-provider', trial.offer.provider);
  sink.header('x-nutroute-route-reason', trial.reason);
  return true;
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
  const { limits, routing } = work.parts;
  let timer: NodeJS.Timeout | undefined;
  const forget = work.incoming.gone.onCancel(() => {
    trial.isUnheard = trial.tap?.finished !== true;
    // Or who always leaves as soon as a second upstream is asked would teach nothing, and have two asked each time.
    if (work.order.request.stream && trial.begunAtMs === undefined)
      trial.silentMs = routing.clock.now() - trial.startedAtMs;
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
