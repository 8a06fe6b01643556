import { ZERO_MSAT } from '../lib/amount.ts';
import type { Msat } from '../lib/amount.ts';
import { RouterError } from '../lib/errors.ts';
import { chargeOf } from '../pricing/charge.ts';
import type { Usage } from '../tokens/usage.ts';
import { UpstreamFailure } from '../upstream/upstream.ts';
import { bodyFor, imposedLimit } from './forward.ts';
import { relayJson } from './json-relay.ts';
import type { Offer } from './offer.ts';
import type { Order } from './order.ts';
import { rejectionOf, unavailable } from './refusal.ts';
import type { Attempt } from './report.ts';
import { relayStream } from './stream-relay.ts';
import { noAnswer, startTrial, watchPayer } from './trial.ts';
import type { Answer, Outcome, Trial } from './trial.ts';
import type { Work } from './work.ts';

/** What came of a paid request at the upstreams. */
export interface Delivery {
  /** Whose price is charged: who answered, or had the request when the payer left. */
  readonly offer: Offer | undefined;
  readonly usage: Usage | undefined;
  readonly charge: Msat;
  readonly attempts: readonly Attempt[];
  readonly error: RouterError | undefined;
  /** What is still to be ended; undefined where the payer was sent nothing. */
  readonly answer: Answer | undefined;
}

/** Tries the offers in order until one sends a first chunk, and relays its answer to the end. Never rejects. */
export async function deliver(work: Work): Promise<Delivery> {
  try {
    return await tryOffers(work);
  } catch (error) {
    return undelivered(internalError(error), []);
  }
}

async function tryOffers(work: Work): Promise<Delivery> {
  const attempts: Attempt[] = [];
  const failures: UpstreamFailure[] = [];
  const imposed = imposedLimit(work.order, work.payment);
  if (imposed !== undefined) work.sink.header('x-nutroute-max-tokens', String(imposed));

  for (const offer of work.order.offers) {
    if (hasLeft(work)) break;
    // Others may have begun to try it since the order was made.
    if (!offer.breaker.allows()) continue;
    const trial = startTrial(work, offer);
    const outcome = await attempt(work, trial, imposed);
    attempts.push({ provider: offer.provider, failure: wordOf(outcome) });
    tell(offer, outcome);
    if (outcome.kind === 'ended') {
      const end = isUnsent(trial, outcome) ? abandoned : delivered;
      return end(trial, outcome, attempts);
    }
    if (hasLeft(work)) return abandoned(trial, outcome, attempts);
    if (outcome.kind === 'crashed') return crashed(trial, outcome.error, attempts);
    const rejection = rejectionOf(outcome.failure);
    if (rejection !== undefined) return undelivered(rejection, attempts);
    failures.push(outcome.failure);
  }
  return undelivered(hasLeft(work) ? undefined : unavailable(attempts, failures), attempts);
}

function hasLeft(work: Work): boolean {
  return work.incoming.gone.cancelled;
}

/** Tells the breaker how it went. */
function tell({ breaker }: Offer, outcome: Outcome): void {
  if (outcome.kind === 'crashed') return;
  if (outcome.kind === 'failed') breaker.failed(outcome.failure);
  else if (outcome.error?.code === 'upstream_broke_stream') breaker.failed(BROKE_OFF);
  else breaker.succeeded();
}

const BROKE_OFF = new UpstreamFailure('broken', 'the stream broke off');

/** One try, to its end. */
async function attempt(work: Work, trial: Trial, imposed: number | undefined): Promise<Outcome> {
  const { offer, stop } = trial;
  const { stream } = work.order.request;
  const unwatch = watchPayer(work, trial);
  try {
    const firstByteTimeoutMs = stream ? offer.firstByteTimeoutMs : offer.answerTimeoutMs;
    const { requestId } = work.incoming;
    const body = bodyFor(work.order, offer, imposed);
    const request = {
      body,
      stream,
      requestId,
      firstByteTimeoutMs,
      model: offer.upstreamModel,
      maxCost: maxCostOf(work.order, trial),
      hops: work.incoming.hops,
    };
    const answer = await offer.upstream.send(request, stop);
    if (answer.kind !== (stream ? 'stream' : 'json')) {
      stop.cancel();
      return noAnswer(`the answer came as ${answer.kind}`);
    }
    for (const [name, value] of Object.entries(answer.headers)) work.sink.header(name, value);
    return stream ? await relayStream(work, trial, answer) : await relayJson(work, trial, answer);
  } catch (error) {
    return error instanceof UpstreamFailure
      ? { kind: 'failed', failure: error }
      : { kind: 'crashed', error };
  } finally {
    unwatch();
  }
}

/** The most a try can cost us: all that its output limit lets the upstream send. */
function maxCostOf(order: Order, { offer, cap }: Trial): Msat {
  const { inputTokens: input, request } = order;
  const usage = { input, cachedInput: 0, output: cap, reasoning: 0, images: request.imageCount };
  return chargeOf(offer.cost, usage);
}

/** An answer was sent, to its end or until it broke off: it costs what was relayed. */
function delivered(
  trial: Trial,
  { usage, error, answer }: Extract<Outcome, { kind: 'ended' }>,
  attempts: readonly Attempt[],
): Delivery {
  return { offer: trial.offer, usage, charge: trial.chargeOf(usage), attempts, error, answer };
}

/** The payer left before an answer in one piece could be sent. */
function isUnsent(trial: Trial, { answer }: Extract<Outcome, { kind: 'ended' }>): boolean {
  return answer.kind === 'json' && trial.isUnheard;
}

/** The payer left before the first chunk. If the upstream had the request then, the input is owed: it is billed for it. */
async function abandoned(
  trial: Trial,
  outcome: Outcome,
  attempts: readonly Attempt[],
): Promise<Delivery> {
  const wasClosed = outcome.kind === 'failed' && outcome.failure.kind === 'cancelled';
  const isOwed = wasClosed || outcome.kind === 'ended';
  const usage = isOwed ? { ...(await trial.meter.usage()), output: 0, reasoning: 0 } : undefined;
  const charge = usage === undefined ? ZERO_MSAT : trial.chargeOf(usage);
  return { offer: trial.offer, usage, charge, attempts, error: undefined, answer: undefined };
}

/** Our own fault: it costs no more than what was counted before. */
function crashed(trial: Trial, cause: unknown, attempts: readonly Attempt[]): Delivery {
  const error = internalError(cause);
  return { ...undelivered(error, attempts), offer: trial.offer, charge: trial.metered };
}

/** Nothing was sent and nobody but us and our upstreams is at fault: it costs nothing. */
function undelivered(error: RouterError | undefined, attempts: readonly Attempt[]): Delivery {
  return {
    offer: undefined,
    usage: undefined,
    charge: ZERO_MSAT,
    attempts,
    error,
    answer: undefined,
  };
}

function wordOf(outcome: Outcome): string | undefined {
  if (outcome.kind === 'ended') return outcome.error?.code;
  if (outcome.kind === 'crashed') return 'internal_error';
  const { kind, status } = outcome.failure;
  return status === undefined ? kind : `${kind} ${status}`;
}

function internalError(cause: unknown): RouterError {
  return new RouterError('internal_error', 'Something went wrong on our side.', { cause });
}
