import { ZERO_MSAT } from '../lib/amount.ts';
import type { Msat } from '../lib/amount.ts';
import { RouterError } from '../lib/errors.ts';
import type { Usage } from '../tokens/usage.ts';
import { attemptHedged } from './hedge.ts';
import type { Offer } from './offer.ts';
import { isTooLong, rejectionOf, unavailable } from './refusal.ts';
import type { Attempt } from './report.ts';
import type { Answer, Outcome, Trial } from './trial.ts';
import { createTries, ended, isLastWord, needsMoreThan, nextTrial } from './tries.ts';
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
  const tries = createTries();
  const { attempts } = tries;
  /** The last upstream's that would not take the request, where another one may. */
  let refused: RouterError | undefined;

  while (!hasLeft(work)) {
    const next = nextTrial(work, tries);
    if (next === undefined) return undelivered(refused ?? unavailable(tries), attempts);
    const { trial, outcome } = await attemptHedged(work, tries, next);
    ended(work, tries, trial, outcome);
    if (outcome.kind === 'ended') {
      const end = isUnsent(trial, outcome) ? abandoned : delivered;
      return end(trial, outcome, attempts);
    }
    if (hasLeft(work)) return abandoned(trial, outcome, attempts);
    if (outcome.kind === 'crashed') return crashed(trial, outcome.error, attempts);
    const rejection = rejectionOf(outcome.failure);
    if (rejection === undefined) continue;
    const isElsewhere = isTooLong(rejection) && needsMoreThan(work, tries, trial.offer);
    if (!isElsewhere && isLastWord(tries, trial.offer, outcome.failure)) {
      return undelivered(rejection, attempts);
    }
    refused = rejection;
  }
  return undelivered(undefined, attempts);
}

function hasLeft(work: Work): boolean {
  return work.incoming.gone.cancelled;
}

/** An answer was sent, to its end or until it broke off: it costs what was relayed, and nothing where that is nothing. */
async function delivered(
  trial: Trial,
  { usage, error, answer }: Extract<Outcome, { kind: 'ended' }>,
  attempts: readonly Attempt[],
): Promise<Delivery> {
  const { offer, meter } = trial;
  const isBroken = error?.code === 'upstream_broke_stream';
  if (isBroken && (await meter.output()) === 0) {
    return { ...undelivered(error, attempts), offer, answer };
  }
  return { offer, usage, charge: bill(trial, usage), attempts, error, answer };
}

/** What the payer is charged; a node that charged for what nobody can count is judged by it. */
function bill(trial: Trial, usage: Usage): Msat {
  const charge = trial.chargeOf(usage);
  if (charge > ZERO_MSAT) for (const listener of trial.onBilled) listener(charge);
  return charge;
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
  const charge = usage === undefined ? ZERO_MSAT : bill(trial, usage);
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

function internalError(cause: unknown): RouterError {
  return new RouterError('internal_error', 'Something went wrong on our side.', { cause });
}
