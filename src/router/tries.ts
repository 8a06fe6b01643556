import { readUpstreamError } from '../openai/upstream-error.ts';
import type { UpstreamFailure } from '../upstream/upstream.ts';
import { isAboutMoney, scopeOf } from './cooldown.ts';
import { learn } from './lesson.ts';
import type { Offer } from './offer.ts';
import { isAboutRequest } from './refusal.ts';
import type { Attempt } from './report.ts';
import { startTrial } from './trial.ts';
import type { Lane, Outcome, Trial } from './trial.ts';
import type { Work } from './work.ts';

/** The tries of one request: those that were made, and how far the list of its offers is used up. */
export interface Tries {
  readonly attempts: Attempt[];
  readonly failures: UpstreamFailure[];
  /** Offers that could not be tried, and why. */
  readonly passedOver: Attempt[];
  readonly lane: Lane;
  /** Nodes that were paid; undefined while there is none. */
  nodes: Set<string> | undefined;
  /** Nodes that say the request itself is at fault. */
  readonly refusedBy: Offer[];
  /** The next offer. */
  index: number;
  /** Upstreams that were sent the request. */
  started: number;
  /** Offers with a smaller context, or an unknown one where it is above zero, are no use. */
  leastContext: number;
}

/** Answers of so many nodes are bought for one request at most: each may keep what it was paid. */
const MAX_NODES = 3;

export function createTries(): Tries {
  return {
    attempts: [],
    failures: [],
    passedOver: [],
    lane: { winner: undefined, onWinner: undefined },
    nodes: undefined,
    refusedBy: [],
    index: 0,
    started: 0,
    leastContext: 0,
  };
}

/** A try at the next offer that may still be tried; undefined when there is none, or enough were tried. */
export function nextTrial(work: Work, tries: Tries, why?: 'hedge'): Trial | undefined {
  const { offers } = work.order;
  while (tries.started < work.parts.routing.maxAttempts) {
    const offer = offers[tries.index];
    if (offer === undefined) return undefined;
    tries.index += 1;
    if (!mayTry(work, tries, offer)) continue;
    const trial = start(work, tries, offer, why ?? reasonOf(work, tries, offer));
    if (trial !== undefined) return trial;
  }
  return undefined;
}

/** Much may have changed since the order was made: its payment may have taken seconds. */
function mayTry({ parts }: Work, { leastContext, nodes }: Tries, offer: Offer): boolean {
  const { provider, upstreamModel, contextLength = 0 } = offer;
  if (offer.trust <= 0 || contextLength < leastContext) return false;
  if (parts.routing.cooldowns.isCooled(provider, upstreamModel)) return false;
  if (offer.upstream.buying === undefined || nodes === undefined) return true;
  return nodes.size < MAX_NODES || nodes.has(provider);
}

function start(work: Work, tries: Tries, offer: Offer, reason: string): Trial | undefined {
  const trial = startTrial(work, offer, { lane: tries.lane, reason });
  if (typeof trial === 'string') {
    tries.passedOver.push({ provider: offer.provider, failure: trial });
    return undefined;
  }
  // Asked last: it counts on a request that is sent.
  if (!offer.breaker.allows()) return undefined;
  tries.started += 1;
  if (offer.upstream.buying !== undefined) (tries.nodes ??= new Set()).add(offer.provider);
  work.parts.routing.tracks.started(offer.provider, offer.upstreamModel);
  return trial;
}

/** Why an offer is tried, for the payer: short. */
function reasonOf({ order }: Work, { started }: Tries, { provider }: Offer): string {
  const { preferences, pin } = order.wishes;
  if (started > 0) return 'failover';
  if (pin !== undefined) return 'pinned';
  if (preferences.order.includes(provider)) return 'order';
  if (order.offers.length === 1) return 'only one';
  return preferences.sort === undefined ? 'score' : `sort ${preferences.sort}`;
}

/** Remembers how a try ended, for this request and for the next ones. */
export function ended(work: Work, tries: Tries, trial: Trial, outcome: Outcome): void {
  const { provider } = trial.offer;
  learn(work.parts.routing, trial, outcome);
  if (outcome.kind === 'failed' && outcome.failure.kind === 'unaffordable') {
    // Nothing was sent: it counts as not tried.
    tries.passedOver.push({ provider, failure: outcome.failure.message });
    tries.started -= 1;
    tries.nodes?.delete(provider);
    return;
  }
  tries.attempts.push({ provider, failure: wordOf(trial, outcome) });
  if (outcome.kind === 'ended' && outcome.error === undefined) refute(work, tries);
  if (outcome.kind !== 'failed') return;
  tries.failures.push(outcome.failure);
  if (isAboutRequest(outcome.failure) && trial.offer.upstream.buying !== undefined)
    tries.refusedBy.push(trial.offer);
}

/** Somebody took the request: those that said it is at fault are no better than those that fail. */
function refute({ parts }: Work, { refusedBy }: Tries): void {
  const { tracks } = parts.routing;
  for (const { provider, upstreamModel } of refusedBy) {
    tracks.started(provider, upstreamModel);
    tracks.failed(provider, upstreamModel);
  }
}

/**
 * Is it settled that the request is at fault, now that this offer refused it? An upstream of the operator is believed; of nodes, which
 * may refuse everything or simply take less than others, two have to say so.
 */
export function isLastWord(
  { refusedBy }: Tries,
  { upstream }: Offer,
  failure: UpstreamFailure,
): boolean {
  if (scopeOf(failure) === 'content') return false;
  return upstream.buying === undefined || refusedBy.length > 1;
}

/** Another try was faster: what becomes of this one is ours to pay, and nobody's to hear. */
export function lost(work: Work, tries: Tries, { offer, startedAtMs }: Trial): void {
  const { clock, tracks } = work.parts.routing;
  tries.attempts.push({ provider: offer.provider, failure: 'slower' });
  tracks.abandoned(offer.provider, offer.upstreamModel, clock.now() - startedAtMs);
}

/** From now on only offers with a larger context than this one's are of use. False when there is none that is known. */
export function needsMoreThan(work: Work, tries: Tries, { contextLength }: Offer): boolean {
  if (contextLength === undefined) return false;
  const least = contextLength + 1;
  const isThere = work.order.offers
    .slice(tries.index)
    .some((offer) => offer.contextLength !== undefined && offer.contextLength >= least);
  if (isThere) tries.leastContext = least;
  return isThere;
}

function wordOf({ offer }: Trial, outcome: Outcome): string | undefined {
  if (outcome.kind === 'ended') return outcome.error?.code;
  if (outcome.kind === 'crashed') return 'internal_error';
  const { kind, status, body } = outcome.failure;
  if (status === undefined) return kind;
  // How we pay a node is not the payer's business.
  const isMoney = status === 401 || status === 402 || isAboutMoney(readUpstreamError(body));
  return offer.upstream.buying !== undefined && isMoney ? 'not bought' : `${kind} ${status}`;
}
