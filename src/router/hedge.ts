import { attempt } from './attempt.ts';
import { isAboutRequest } from './refusal.ts';
import type { Outcome, Trial } from './trial.ts';
import { ended, isLastWord, lost, nextTrial } from './tries.ts';
import type { Tries } from './tries.ts';
import type { Work } from './work.ts';

/** A try that has ended. */
export interface Tried {
  readonly trial: Trial;
  readonly outcome: Outcome;
}

/**
 * One try to its end; and where its first chunk is later than nearly always there, one at the next offer beside it. Whose first
 * chunk comes first answers; the other is cancelled, and what it costs is ours. Not yet told to `tries` is only the one returned.
 */
export async function attemptHedged(work: Work, tries: Tries, first: Trial): Promise<Tried> {
  const running = attempt(work, first);
  const delayMs = hedgeDelayMs(work, tries, first);
  const isLate = delayMs !== undefined && (await isStillSilent(tries, running, delayMs));
  const second =
    isLate && !work.incoming.gone.cancelled ? nextTrial(work, tries, 'hedge') : undefined;
  if (second === undefined) return { trial: first, outcome: await running };
  return race(work, tries, [
    { trial: first, running },
    { trial: second, running: attempt(work, second) },
  ]);
}

/** Undefined where nothing is gained: an answer in one piece takes as long as it is, and one offer has no other. */
function hedgeDelayMs({ parts, order }: Work, tries: Tries, { offer }: Trial): number | undefined {
  const { hedge, hedgeMinMs, tracks } = parts.routing;
  // A request is hedged by its first try or not at all.
  if (!hedge || !order.request.stream || tries.started > 1) return undefined;
  if (tries.index >= order.offers.length) return undefined;
  const usual = tracks.of(offer.provider, offer.upstreamModel)?.p95FirstByteMs;
  return usual === undefined ? undefined : Math.max(hedgeMinMs, usual);
}

/** False as soon as the try has ended, or its first chunk has come. */
async function isStillSilent(
  { lane }: Tries,
  running: Promise<Outcome>,
  delayMs: number,
): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const begun = Promise.withResolvers<boolean>();
  lane.onWinner = () => begun.resolve(false);
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), delayMs);
  });
  try {
    return await Promise.race([running.then(() => false), begun.promise, late]);
  } finally {
    clearTimeout(timer);
    lane.onWinner = undefined;
  }
}

interface Runner {
  readonly trial: Trial;
  readonly running: Promise<Outcome>;
}

async function race(
  work: Work,
  tries: Tries,
  [one, two]: readonly [Runner, Runner],
): Promise<Tried> {
  const { lane } = tries;
  lane.onWinner = (winner) => (winner === one.trial ? two : one).trial.stop.cancel();
  const earlier = await Promise.race([endOf(one), endOf(two)]);
  const other = earlier.trial === one.trial ? two : one;
  if (lane.winner === other.trial) {
    giveUp(work, tries, { trial: earlier.trial, running: Promise.resolve(earlier.outcome) });
    return endOf(other);
  }
  if (isDecided(tries, earlier)) {
    other.trial.stop.cancel();
    giveUp(work, tries, other);
    return earlier;
  }
  ended(work, tries, earlier.trial, earlier.outcome);
  return endOf(other);
}

async function endOf({ trial, running }: Runner): Promise<Tried> {
  return { trial, outcome: await running };
}

/** The other try could change nothing: there is an answer, or the request itself is refused, or the fault is ours. */
function isDecided(tries: Tries, { trial, outcome }: Tried): boolean {
  if (outcome.kind !== 'failed') return true;
  return isAboutRequest(outcome.failure) && isLastWord(tries, trial.offer, outcome.failure);
}

/** Its end is not waited for: an upstream that is slow may be slow to close, too. */
function giveUp(work: Work, tries: Tries, { trial, running }: Runner): void {
  lost(work, tries, trial);
  void running.then((outcome) => {
    if (outcome.kind !== 'crashed') return;
    const { provider } = trial.offer;
    work.parts.log.error({ err: outcome.error, provider }, 'a try beside another one crashed');
  });
}
